import pytest

from codetune_core.detectors.secrets import SecretsDetector
from codetune_core.domain.document import Document
from codetune_core.settings import Settings

# Made up, and put together at run time.
ALNUM = "Zk3vQ9xT1mB7cR5nW2pL8dH4gS6jF0aYeUiOqKz1XyVbNwMtE7hPu3rC5sG9lD2fJ4kA6o8Qv0Bn1Xc3Zm5Lk7Jh9Gf2Ds4Ap6"
HEX = "9f3b1c7e5a2d8046b9e1f7c3a5d20864e8b0c6f2a4197d5b3e8c0f6a2d4b7195"


async def check(text: str) -> list[str]:
    document = Document("file:///shop/app.py", text, "python")
    return [finding.rule.id for finding in (await SecretsDetector(Settings()).detect(document)).findings]


PLACEHOLDERS = [
    'password = "changeme"',
    'password = "change-me-2024"',
    'api_key = "<your-key-1>"',
    'api_key = "your_api_key_here_123"',
    'token = "xxxxxxxxxxxxxxxxxxxxxxxx"',
    'secret = "example-secret-1"',
    'AWS_KEY = "AKIAIOSFODNN7EXAMPLE"',
    'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"',
    'password = "****************"',
    'api_key = "REPLACE_ME_1234567"',
    'secret_key = "dummy-key-4711"',
    'password = "${DB_PASSWORD}"',
    'password = "{{ secret }}"',
    'password = "{password}"',
    'password = "%(password)s"',
    'password = "$DB_PASSWORD"',
    'password = "%s"',
    'api_key = "REDACTED"',
    'token = "1234567890abcdef1234567890abcdef"',
    'key = "0123456789abcdefABCDEF0123456789"',
    'password = "aaaaaaaa1"',
    'secret_key = "abcdefghijklmnopqrstuvwxyz0123456789"',
    'token = "deadbeefdeadbeefdeadbeefdeadbeef"',
    'password = ""',
    'password = "null1"',
    'access_token = "fake-token-8d7f6a5b4c3d2e1f"',
    'password = "..."',
    "password = None",
]
REFERENCES = [
    'password = os.environ["DB_PASSWORD_1"]',
    'password = os.getenv("DB_PASSWORD_1")',
    "const apiKey = process.env.API_KEY_1;",
    'password = "vault:secret/data/db#pass1"',
    'password = "op://shop/db/password1"',
    'secret = "arn:aws:secretsmanager:eu-1:2:secret:x"',
    'password = config["password1"]',
    'password = getpass.getpass("Password 2: ")',
    'password_file = "/run/secrets/db_pass1"',
    'private_key = "/etc/ssl/private/key1.pem"',
    'secret = "projects/12/secrets/db1/versions/3"',
    "password = settings.DB_PASS1",
]
NAMES_OF_NO_SECRET = [
    'password_field = "pass_word2"',
    'token_url = "https://login.example.org/oauth2/token"',
    'PASSWORD_LABEL = "Passwort2!"',
    'secret_name = "shop-db-1!"',
    'API_KEY_HEADER = "X-Api-Key-2"',
    'password_regex = "[A-Z0-9]{8,}"',
    'password_hint = "My 1st dog"',
    'passwordInputId = "pw-input-2!"',
    'error_password = "Wrong password!"',
    'password_min_length = "12345678a"',
]
WORDS_AND_IDENTIFIERS = [
    'password = "password"',
    'PASSWORD = "secret_key"',
    'secret = "oauth2"',
    'password: "Passwort"',
    "events = {'(?i)password':'secret\\\\n'}",
    "assert candidate('password') == '5d41402abc4b2a76b9719d911017c592'",
    '"AWS::IAM::AccessKey": "62d91b17309e76c8",',
    'token = "sha256"',
    "help = \"Set the password: 'abc 1 def'\"",
    'token_type = "bearer2"',
    'GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"',
    'x = "ThisIsAVeryLongCamelCaseIdentifierName2"',
    'x = "some_long_snake_case_identifier_v2_final"',
    'x = "kebab-case-class-name-32x32-large"',
    'x = "AbstractSingletonProxyFactoryBean2Impl4"',
    'path = "static/js/vendor/jquery/3/dist/jquery2"',
    'CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"',
    'x = "application/vnd.oasis.opendocument2"',
    'email = "Max.Mustermann1970@firma-im-netz.de"',
    'x = "DejaVuSansMono-BoldOblique-12pt-Latin1"',
]
DIGESTS_AND_IDENTIFICATIONS = [
    f'sha256 = "{HEX}"',
    f'"integrity": "sha512-{ALNUM[:86]}=="',
    f'COMMIT = "{HEX[:40]}"',
    f'checksum = "{ALNUM[:40]}"',
    f'rev: "{HEX[:40]}"',
    f'etag = "{ALNUM[:32]}"',
    f'md5 = "{HEX[:32]}"',
    f'x = "{HEX[:32]}"',
    f'x = "{HEX[:40]}"',
    f'x = "{HEX}"',
    f'digests = {{"a": "{ALNUM[:44]}"}}',
    f'PUBLIC_KEY = "{ALNUM[:64]}"',
    f'key = "ssh-rsa {ALNUM}"',
    f'user_id = "{ALNUM[:28]}"',
    'id = "6c1f3b0a-9d2e-4f7b-8a5c-1e0d9b8c7a6f"',
    'secret = "6c1f3b0a-9d2e-4f7b-8a5c-1e0d9b8c7a6f"',
    f'src="data:image/png;base64,{ALNUM}"',
    f'fingerprint = "{ALNUM[:43]}"',
    f'password_hash = "{ALNUM[:43]}"',
    f'"resolved": "https://host.org/a/-/a-1.tgz#{HEX[:40]}"',
    f'uuid = "{HEX[:32]}"',
    'x = "VGhlc2UgYXJlbid0IHRoZSBkcm9pZHMgeW91J3JlIGxvb2tpbmcgZm9y"',
]
IMPORTS_AND_ALLOWED_LINES = [
    f'import x from "{ALNUM[:40]}"',
    f'>>> login(password="{ALNUM[:12]}")',
    f'x = "{ALNUM[:40]}"  # pragma: allowlist secret',
]
URLS_WITHOUT_A_PASSWORD = [
    'u = "https://host.org/a?b=c"',
    'u = "postgresql://user:password@host/db"',
    'u = "postgresql://scott:tiger@localhost/test"',
    'u = f"postgresql://{user}:{password}@{host}/db"',
    'u = "https://%s:%s@host.org"',
    'u = "http://bob:s3cr3tPw@proxy.example.com/"',
    'u = "redis://:${REDIS_PASSWORD}@cache/0"',
    'u = "ssh://git@host.org:22/x"',
    'u = "http://<user>:<pass>@host.org"',
    'u = "https://host.org:8080/@scope/pkg"',
]
LOOK_ALIKES_OF_TOKENS = [
    'x = "eyJhbGciOi.not-a-token.x"',
    'h = {"Authorization": f"Bearer {token}"}',
    'h = "Bearer <token-goes-in-this-place>"',
    'd = "Basic authentication-is-not-supported-here"',
    'x = "npm_config_registry_and_other_settings"',
    'x = "sk-learn-contrib-estimators"',
    'x = "glossary-of-terms-and-definitions"',
    'text = "AC" + "SK"',
    "time = '12345678:abc'",
    't = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.SflKxwRJ"',
]


@pytest.mark.parametrize("line", PLACEHOLDERS, ids=lambda line: line[:40])
async def test_placeholders_are_quiet(line: str) -> None:
    assert await check(line) == []


@pytest.mark.parametrize("line", REFERENCES, ids=lambda line: line[:40])
async def test_references_are_quiet(line: str) -> None:
    assert await check(line) == []


@pytest.mark.parametrize("line", NAMES_OF_NO_SECRET, ids=lambda line: line[:40])
async def test_names_of_no_secret_are_quiet(line: str) -> None:
    assert await check(line) == []


@pytest.mark.parametrize("line", WORDS_AND_IDENTIFIERS, ids=lambda line: line[:40])
async def test_words_and_identifiers_are_quiet(line: str) -> None:
    assert await check(line) == []


@pytest.mark.parametrize("line", DIGESTS_AND_IDENTIFICATIONS, ids=lambda line: line[:40])
async def test_digests_and_identifications_are_quiet(line: str) -> None:
    assert await check(line) == []


@pytest.mark.parametrize("line", IMPORTS_AND_ALLOWED_LINES, ids=lambda line: line[:40])
async def test_imports_and_allowed_lines_are_quiet(line: str) -> None:
    assert await check(line) == []


@pytest.mark.parametrize("line", URLS_WITHOUT_A_PASSWORD, ids=lambda line: line[:40])
async def test_urls_without_a_password_are_quiet(line: str) -> None:
    assert await check(line) == []


@pytest.mark.parametrize("line", LOOK_ALIKES_OF_TOKENS, ids=lambda line: line[:40])
async def test_look_alikes_of_tokens_are_quiet(line: str) -> None:
    assert await check(line) == []
