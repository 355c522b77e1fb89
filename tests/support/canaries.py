"""Fifty made-up secrets, each in the way in which people write such a one."""

import base64
import json
import random
import string
from urllib.parse import quote, quote_plus

_DRAW = random.Random(20261121)
_ALNUM, _HEX, _UPPER = string.ascii_letters + string.digits, "0123456789abcdef", string.ascii_uppercase + string.digits
_BASE64 = _ALNUM + "+/"


def drawn(characters: str, length: int) -> str:
    return "".join(_DRAW.choice(characters) for _ in range(length))


def _json(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _private_key(kind: str, lines: int) -> str:
    body = "\n".join(drawn(_BASE64, 64) for _ in range(lines))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


JWT = f"{_json({'alg': 'HS256', 'typ': 'JWT'})}.{_json({'sub': 'u-7781', 'iat': 1700000000})}.{drawn(_ALNUM, 43)}"
KEY = _private_key("RSA ", 6)
SHAPED = {
    "AKIA" + drawn(_UPPER, 16): "aws = connect('{}')",
    drawn(_BASE64, 40): "aws_secret_access_key = {}",
    "ghp_" + drawn(_ALNUM, 36): "git clone https://{}@github.com/acme/shop",
    "github_pat_" + drawn(_ALNUM, 82): "# use {} for now",
    "glpat-" + drawn(_ALNUM, 20): "GITLAB={}",
    "xoxb-" + "-".join((drawn(string.digits, 12), drawn(string.digits, 12), drawn(_ALNUM, 24))): "slack('{}')",
    "sk_live_" + drawn(_ALNUM, 24): 'stripe.api_key = "{}"',
    "SG." + drawn(_ALNUM, 22) + "." + drawn(_ALNUM, 43): "mail = Mailer('{}')",
    "npm_" + drawn(_ALNUM, 36): "//registry.acme.dev/:_authToken={}",
    "sk-proj-" + drawn(_ALNUM, 48): "client = OpenAI('{}')",
    "sk-ant-api03-" + drawn(_ALNUM, 95): "x-api-key: {}",
    "AIza" + drawn(_ALNUM, 35): "maps.load('{}')",
    "hf_" + drawn(string.ascii_letters, 34): "HF_TOKEN={}",
    "dop_v1_" + drawn(_HEX, 64): "doctl auth init -t {}",
    drawn(_BASE64, 86) + "==": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};",
    "SK" + drawn(_HEX, 32): "twilio = '{}'",
    JWT: "cookie = '{}'",
    KEY: 'PEM = """{}"""',
    _private_key("", 4): "{}",
    _private_key("OPENSSH ", 5).replace("\n", "\\n"): '{{"private_key": "{}"}}',
}
NAMED = {
    "Tr0ub4dor&3-mule": 'password = "{}"',
    "correcthorsebattery": 'DB_PASSWORD = "{}"',
    "p4ss-phrase-of-mine": "passphrase: '{}'",
    "S3cr3t!With$Signs%7": 'conn.login(user="bob", passwd="{}")',
    "kX9#vQ2w": 'const dbPassword = "{}";',
    "hunter2hunter2": "password: {}",
    "9f8a7c6b5d4e": '"client_secret": "{}"',
    "zq81-Kd02-aa7P": "api-key: {}",
    "Winter2026!": "export SMTP_PASSWORD={}",
    "monkeybusiness": "MYSQL_PASSWORD={}",
    "qW8eR7tY6u": "Server=db;User Id=sa;Password={};",
    "L0ng&Winding": "<password>{}</password>",
    "bQ71xmPq20Lw": '<add key="ApiKey" value="{}"/>',
    "vN83kdLs02mQ": 'os.environ["SESSION_SECRET"] = "{}"',
    "t0psecretsauce": 'String passphrase = "{}";',
    "aB3dE6gH9jK2": "--password {} --host db",
    "uJ7hY6tG5f": "sshpass -p {} ssh root@db",
    "Xy12Zw34Qv": "curl -u deploy:{} https://ci.acme.dev",
    "n0tSoS3cure": 'if token == "{}":',
    "fE4dC3bA2z": 'headers = {{"X-Api-Key": "{}"}}',
}
ADDRESSED = {
    "Pg-2026-prod!": "postgresql://shop:{}@db.acme.dev:5432/shop",
    "r3d1s+pass": "redis://:{}@cache.acme.dev:6379/0",
    "mongo~Pw99": "mongodb+srv://root:{}@cluster.acme.dev/app",
    drawn(_ALNUM, 32): "Authorization: Bearer {}",
    base64.b64encode(f"deploy:{drawn(_ALNUM, 18)}".encode()).decode(): "Authorization: Basic {}",
    drawn(_BASE64, 43) + "=": "https://acme.blob.core.windows.net/c?sv=2024&sig={}",
}
RANDOM = {
    drawn(_ALNUM, 40): 'x = "{}"',
    drawn(_HEX, 48): "seed {} end",
    drawn(_BASE64, 64): "blob: '{}'",
    drawn(string.ascii_lowercase + string.digits, 40): 'tenant = call("{}")',
}
CANARIES = {**SHAPED, **NAMED, **ADDRESSED, **RANDOM}
CODE = "\n".join(line.format(secret) for secret, line in CANARIES.items())
"""A file that has all of them."""
assert len(CANARIES) == 50, len(CANARIES)


def traces(secret: str) -> set[bytes]:
    """Return how a secret would look on the wire: as it is, in base64 at any offset, for URLs, within JSON."""
    raw = secret.encode()
    shifted = {base64.b64encode(b"\0" * shift + raw)[(4 if shift else 0) : -4].rstrip(b"=") for shift in range(3)}
    urlsafe = {form.translate(bytes.maketrans(b"+/", b"-_")) for form in shifted}
    escaped = {json.dumps(secret)[1:-1].encode(), json.dumps(json.dumps(secret))[3:-3].encode()}
    quoted = {quote(secret, safe="").encode(), quote_plus(secret).encode()}
    lines = {line.encode() for line in secret.replace("\\n", "\n").splitlines() if len(line) == 64}
    return {form for form in {raw, *shifted, *urlsafe, *escaped, *quoted, *lines} if len(form) >= 6}
