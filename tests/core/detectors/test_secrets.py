import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

from codetune_core.detectors.rule_pack import load_rules
from codetune_core.detectors.secret_patterns import SHAPES
from codetune_core.detectors.secrets import SecretsDetector
from codetune_core.domain.document import Document, language_of
from codetune_core.domain.finding import Confidence, Finding
from codetune_core.domain.text import Range
from codetune_core.settings import Settings

DETECTOR = SecretsDetector(Settings())


def document(text: str, path: str = "shop/app.py") -> Document:
    return Document(f"file:///home/{path}", text, language_of(Path(path)))


async def findings(text: str, path: str = "shop/app.py") -> list[Finding]:
    return list((await DETECTOR.detect(document(text, path))).findings)


async def check(text: str, path: str = "shop/app.py") -> list[tuple[str, str]]:
    """Rule and flagged text of every finding; no message holds what it is about."""
    found = await findings(text, path)
    flagged = [(finding.rule.id, document(text, path).slice(finding.range)) for finding in found]
    assert not any(value in finding.message for (_, value), finding in zip(flagged, found, strict=True))
    return flagged


def jwt(claims: dict[str, object]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)] + [bytes(range(7, 39))]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


# Joined at run time, so that no other program takes these lines for real credentials.
ALNUM = "Zk3vQ9xT1mB7cR5nW2pL8dH4gS6jF0aYeUiOqKz1XyVbNwMtE7hPu3rC5sG9lD2fJ4kA6o8Qv0Bn1Xc3Zm5Lk7Jh9Gf2Ds4Ap6"
HEX = "9f3b1c7e5a2d8046b9e1f7c3a5d20864e8b0c6f2a4197d5b3e8c0f6a2d4b7195"
TOKENS = [
    ("secret-aws-key", "AKIA" + "2E0A8F3B244C9986"),
    ("secret-aws-key", "ASIA" + "Z7QX4M2N9KP3T6VB"),
    *[("secret-github-token", f"gh{kind}_" + ALNUM[:36]) for kind in "pousr"],
    ("secret-github-token", "github_pat_" + ALNUM[:22] + "_" + ALNUM[22:81]),
    ("secret-gitlab-token", "glpat-" + ALNUM[:20]),
    ("secret-gitlab-token", "gldt-" + ALNUM[5:25]),
    ("secret-gitlab-token", "glptt-" + HEX[:40]),
    ("secret-slack-token", "xoxb-" + "263594206564-" + ALNUM[:24].lower()),
    ("secret-slack-token", "xoxp-" + "263594206564-263594206566-" + HEX[:32]),
    ("secret-slack-token", "https://hooks.slack.com/services/" + "T0FJ2XQ9K/B01P7M3RZ/" + ALNUM[:24]),
    ("secret-slack-token", "xapp-" + "1-A01B2C3D4E5-1234567-" + HEX),
    ("secret-stripe-key", "sk_live_" + ALNUM[:24]),
    ("secret-stripe-key", "rk_live_" + ALNUM[:48]),
    ("secret-twilio-key", "SK" + HEX[:32]),
    ("secret-twilio-key", "AC" + HEX[8:40]),
    ("secret-sendgrid-key", "SG." + ALNUM[:22] + "." + ALNUM[22:65]),
    ("secret-mailchimp-key", HEX[:32] + "-us12"),
    ("secret-npm-token", "npm_" + ALNUM[:36]),
    ("secret-pypi-token", "pypi-" + "AgEIcHlwaS5vcmc" + ALNUM[:80]),
    ("secret-openai-key", "sk-" + ALNUM[:20] + "T3BlbkFJ" + ALNUM[20:40]),
    ("secret-openai-key", "sk-proj-" + ALNUM[:60]),
    ("secret-anthropic-key", "sk-ant-" + "api03-" + ALNUM[:93]),
    ("secret-google-key", "AIza" + ALNUM[:35]),
    ("secret-hugging-face-token", "hf_" + "qXwEzRkTyUbIoPaSdFgHjKlZxCvBnMqWeR"),
    ("secret-codetune-key", "ctk_" + ALNUM[:10] + "_" + ALNUM[10:59]),
    ("secret-digitalocean-token", "dop_v1_" + HEX),
    ("secret-discord-token", "MTk4NjIyNDgzNDcxOTI1MjQ4" + "." + "Cl2FMQ" + "." + "ZnCjm1XVW7vRze4b7Cq4se7kKWs"),
    ("secret-telegram-token", "7128394056" + ":" + ALNUM[:35]),
    ("secret-square-token", "sq0csp-" + ALNUM[:43]),
    ("secret-artifactory-token", "AKC" + ALNUM[:40]),
    ("secret-jwt", jwt({"sub": "4711", "admin": True})),
]


@pytest.mark.parametrize(("rule", "token"), TOKENS, ids=lambda value: value[:14])
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("client = Client({!r})", "shop/app.py"),
        ('x = f(1, "{}", 2)', "shop/app.py"),
        ("const token = '{}';", "shop/app.ts"),
        ("# old: {}", "shop/app.py"),
        ("A=1\nVALUE={}\nB=2", "shop/.env"),
        ("items:\n  - {}", "shop/values.yaml"),
        ("Use {} to log in.", "README.md"),
    ],
)
async def test_a_known_token_is_found_in_any_kind_of_text_with_its_exact_range(
    rule: str, token: str, text: str, path: str
) -> None:
    written = text.format(token)
    assert await check(written, path) == [(rule, token)]


@pytest.mark.parametrize(("rule", "token"), TOKENS, ids=lambda value: value[:14])
async def test_a_token_written_twice_in_a_line_is_found_twice(rule: str, token: str) -> None:
    assert await check(f'pair = ("{token}", "{token}")') == [(rule, token), (rule, token)]


@pytest.mark.parametrize(
    ("rule", "token"), [entry for entry in TOKENS if "jwt" not in entry[0]], ids=lambda value: value[:14]
)
async def test_a_token_filled_with_one_character_is_a_placeholder(rule: str, token: str) -> None:
    kept = (
        len(token.split("_", maxsplit=1)[0].split("-", maxsplit=1)[0].split(".", maxsplit=1)[0])
        if rule != "secret-aws-key"
        else 4
    )
    blank = token[: min(kept, 9)] + "".join("x" if c.isalnum() else c for c in token[min(kept, 9) :])
    assert await check(f'token = "{blank}"') == []


ASSIGNED = [
    ("secret-password", 'password = "{}"', "Tr0ub4dor&3"),
    ("secret-password", "password = '{}'", "hunter2"),
    ("secret-password", 'DB_PASSWORD = "{}"', "k9!vLm2#pQ"),
    ("secret-password", 'password: str = "{}"', "Tr0ub4dor&3"),
    ("secret-password", 'self.password: str | None = "{}"', "Tr0ub4dor&3"),
    ("secret-password", 'connect(user="root", passwd="{}")', "r00t!Pass"),
    ("secret-password", 'config["db_password"] = "{}"', "sw0rdf1sh"),
    ("secret-password", '{{"password": "{}"}}', "sw0rdf1sh"),
    ("secret-password", 'if password == "{}": pass', "letMe1nPlease"),
    ("secret-password", 'os.environ.get("DB_PASSWORD", "{}")', ALNUM[:20]),
    ("secret-password", 'PASSWORD = "{}"', "password123"),
    ("secret-credential", 'SECRET_KEY = "{}"', "kjh34kjh5kjh3k4jh5kj3h4k5"),
    ("secret-credential", 'app.secret_key = "{}"', "django-insecure-" + "k3$j2h9@f8x7"),
    ("secret-credential", 'api_key = "{}"', HEX[:32]),
    ("secret-credential", 'apiKey: "{}",', ALNUM[:32]),
    ("secret-credential", 'app.config["SECRET_KEY"] = b"{}"', ALNUM[:40]),
    ("secret-credential", 'access_token = "{}"', ALNUM[:30]),
    ("secret-credential", 'os.environ.get("SECRET_KEY", "{}")', "a8f3kd92kfj38dk2ls93"),
    ("secret-credential", 'os.environ["API_TOKEN"] = "{}"', HEX[:40]),
    ("secret-credential", 'SIGNING_KEY = Field(default="{}")', HEX),
    ("secret-aws-key", 'aws_secret_access_key = "{}"', "wJ4lrXUtnF3MI/K7MD3NG/bPxRf1CY9z8QwErTyU"),
    ("secret-azure-storage-key", 'dsn = "AccountName=shop;AccountKey={}"', ALNUM[:86] + "=="),
    ("secret-npm-token", "//packages.shop.internal/:_authToken={}", "6c1f3b0a-9d2e-4f7b-8a5c-1e0d9b8c7a6f"),
    ("secret-url-credentials", 'create_engine("postgresql://bob:{}@db.internal/shop")', "s3cr3tPw"),
    ("secret-url-credentials", 'URL = "https://deploy:{}@git.internal/x.git"', "k3yOfDeploy"),
    ("secret-url-credentials", 'broker = "amqp://app:{}@10.0.0.7:5672//"', "qu3ue-w0rd"),
    ("secret-bearer-token", 'h = {{"Authorization": "Bearer {}"}}', ALNUM[:32]),
    ("secret-bearer-token", "curl -H 'Authorization: token {}'", HEX[:40]),
    ("secret-high-entropy", 'x = "{}"', ALNUM[:40]),
    ("secret-high-entropy", 'client.login("{}")', "Zk3vQ9xT1m/B7cR5nW2pL8dH4+gS6jF0aYeUiOqKz="),
]


@pytest.mark.parametrize(("rule", "line", "value"), ASSIGNED, ids=lambda value: value[:24])
@pytest.mark.parametrize("before", ["", "    ", "note = '😀 ünï'; ", "a = 1\r\n\t"])
async def test_a_secret_is_found_once_with_the_range_of_its_value(
    rule: str, line: str, value: str, before: str
) -> None:
    assert await check(before + line.format(value)) == [(rule, value)]


@pytest.mark.parametrize(
    ("text", "path", "rule", "value"),
    [
        ("DB_PASSWORD=s3cr3tPw!x", ".env", "secret-password", "s3cr3tPw!x"),
        ("export API_KEY=" + ALNUM[:32], "prod.env", "secret-credential", ALNUM[:32]),
        ("db:\n  password: s3cr3tPw!x\n", "values.yml", "secret-password", "s3cr3tPw!x"),
        ('[db]\npassword = "s3cr3tPw!x"\n', "app.toml", "secret-password", "s3cr3tPw!x"),
        ("[db]\npassword = s3cr3tPw!x\n", "app.ini", "secret-password", "s3cr3tPw!x"),
        ('{"db": {"password": "s3cr3tPw!x"}}', "app.json", "secret-password", "s3cr3tPw!x"),
        ('const password = "s3cr3tPw!x";', "app.js", "secret-password", "s3cr3tPw!x"),
        ('String dbPassword = "s3cr3tPw!x";', "App.java", "secret-password", "s3cr3tPw!x"),
        ('password := "s3cr3tPw!x"', "main.go", "secret-password", "s3cr3tPw!x"),
    ],
)
async def test_a_password_is_found_in_other_languages(text: str, path: str, rule: str, value: str) -> None:
    assert await check(text, path) == [(rule, value)]


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_login.py",
        "shop/test_login.py",
        "shop/login_test.go",
        "shop/conftest.py",
        "web/login.spec.ts",
        "fixtures/users.json",
        "shop/locales/de.json",
        "shop/package-lock.json",
        "shop/poetry.lock",
        "shop/uv.lock",
        "shop/pnpm-lock.yaml",
        "web/app.min.js",
        "web/logo.svg",
        "shop/go.sum",
        "shop/tests/data/deep/keys.py",
    ],
)
async def test_tests_locks_and_translations_are_searched_only_for_tokens_that_name_their_issuer(path: str) -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7w0Zk3vQ9xT1mB7cR5nW2pL8dH4gS6jF0a\n"
    token = "ghp_" + ALNUM[:36]
    text = f'password = "Tr0ub4dor&3"\nx = "{ALNUM[:40]}"\nurl = "ftp://a:b3d2xx@h.org"\n{key}t = "{token}"\n'
    assert await check(text, path) == [("secret-github-token", token)]
    assert [finding.confidence for finding in await findings(text, path)] == [Confidence.MEDIUM]


BODY = "MIIEpAIBAAKCAQEA7w0Zk3vQ9xT1mB7cR5nW2pL8dH4gS6jF0aYeUiOqKz1XyVbN"


@pytest.mark.parametrize("kind", ["RSA ", "DSA ", "EC ", "OPENSSH ", ""])
@pytest.mark.parametrize(
    "layout",
    ['K = """{}\n{}\n"""', 'K = "{}\\n{}\\n"', 'K = (\n    "{}\\n"\n    "{}\\n"\n)', "{}\r\n{}\r\n", "# {}\n# {}\n",
     '"private_key": "{}\\n{}"', 'K = (\n    b"{}\\n"\n    b"{}\\n"\n)'],
)  # fmt: skip
async def test_a_private_key_is_flagged_at_its_first_line(kind: str, layout: str) -> None:
    marker = f"-----BEGIN {kind}PRIVATE KEY-----"
    assert await check(layout.format(marker, BODY)) == [("secret-private-key", marker)]


async def test_an_encrypted_key_with_headers_and_a_pgp_key_are_flagged() -> None:
    rsa = "-----BEGIN RSA PRIVATE KEY-----"
    assert await check(f"{rsa}\nProc-Type: 4,ENCRYPTED\n\n{BODY}") == [("secret-private-key", rsa)]
    pgp = "-----BEGIN PGP PRIVATE KEY BLOCK-----"
    assert await check(f"{pgp}\nVersion: GnuPG v2\n\n{BODY}") == [("secret-private-key", pgp)]


@pytest.mark.parametrize(
    "text",
    [
        'if "-----BEGIN RSA PRIVATE KEY-----" in text: pass',
        'if text.startswith("-----BEGIN PRIVATE KEY-----"):\n    return load(text)\n',
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n<your key>\n",
        "-----BEGIN PUBLIC KEY-----\n" + BODY,
        "-----BEGIN CERTIFICATE-----\n" + BODY,
        "-----BEGIN RSA PRIVATE KEY-----",
        'KEY = f"-----BEGIN RSA PRIVATE KEY-----\\n{body}\\n"',
    ],
)
async def test_a_marker_without_a_key_behind_it_is_quiet(text: str) -> None:
    assert await check(text) == []


async def test_long_lines_are_passed_over_and_the_next_line_is_not() -> None:
    token = "ghp_" + ALNUM[:36]
    assert await check(f'{"x" * 6000} "{token}"\nt = "{token}"') == [("secret-github-token", token)]
    minified = "a=1;" * 200 + f'password="Tr0ub4dor&3";k="{ALNUM[:40]}"'
    assert await check(minified, "app.js") == []


async def test_positions_count_code_points_and_protocol_line_ends() -> None:
    token = "ghp_" + ALNUM[:36]
    found = await findings(f"a\rb\r\n\u2028\x0c '😀' '{token}'")
    assert [finding.range for finding in found] == [Range.of(2, 8, 2, 8 + len(token))]


async def test_one_secret_found_in_several_ways_is_one_finding_of_the_surest_rule() -> None:
    token = "ghp_" + ALNUM[:36]
    assert await check(f'password = api_key = secret = "{token}"  # Bearer') == [("secret-github-token", token)]


async def test_messages_say_where_and_rules_are_complete() -> None:
    found = await findings('def login():\n    password = "Tr0ub4dor&3"\n')
    assert "in `login`" in found[0].message
    assert found[0].rule.cwe == (259, 798)
    assert "in app.js" in (await findings('const password = "Tr0ub4dor&3"', "app.js"))[0].message
    for rule in load_rules("secrets").values():
        assert set(rule.cwe) & {798, 321, 259}
        assert "{code}" not in rule.message
        assert rule.title
        assert rule.references
        assert rule.explanation


async def test_every_shape_of_token_has_its_rule_and_every_rule_its_shape() -> None:
    named = {shape.rule for shape in SHAPES}
    generic = {
        "secret-private-key",
        "secret-password",
        "secret-credential",
        "secret-high-entropy",
        "secret-bearer-token",
    }
    assert named | generic == set(load_rules("secrets"))


async def test_any_text_is_handled_and_says_what_looks_at_it() -> None:
    assert DETECTOR.handles(document("", "x.unknown"))
    assert "no network" in DETECTOR.describe()
    assert await check("") == []
    await DETECTOR.aclose()


def test_the_module_is_imported_without_detect_secrets() -> None:
    code = "import sys, codetune_core.detectors.secrets; sys.exit('detect_secrets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_file_of_100_kilobytes_is_quick_and_quicker_the_second_time() -> None:
    lines = [
        f'    value_{n} = compute(first_{n}, second="{n} of many", third=items[{n}])  # comment {n}'
        for n in range(1250)
    ]
    await check("warm up = 1")
    began = perf_counter()
    assert await check("\n".join(lines)) == []
    cold = perf_counter() - began
    began = perf_counter()
    await check("\n".join([*lines, "last = 1"]))
    warm = perf_counter() - began
    assert cold < 1
    assert warm < max(0.1, cold / 2)


async def test_the_event_loop_goes_on_while_a_large_text_is_searched() -> None:
    big = "\n".join(f'x{n} = "{n} {HEX}"' for n in range(8000))
    task, beats = asyncio.create_task(check(big)), 0
    while not task.done():
        beats += 1
        await asyncio.sleep(0.005)
    assert await task == []
    assert beats > 2
