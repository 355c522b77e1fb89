"""The shapes of known credentials: detect-secrets' plugins, and formats they do not know or frame too widely.

Nothing here asks a network whether a credential is still valid: the plugins' patterns are used, never ``verify``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of credential looks.

    Attributes:
        rule: id in the pack ``secrets``.
        patterns: any of them matches.
        anchors: in lower case; a line without any of them cannot match.
        group: the group of the patterns that is the credential's value.
        exact: a match that a further letter or digit follows is something else, not a longer credential.
        random: the pattern is weak, the value must look random as well.
        issued: the prefix alone says who issued it, so it is one wherever it stands, also in a test.
    """

    rule: str
    patterns: Sequence[re.Pattern[str]]
    anchors: tuple[str, ...]
    group: int = 0
    exact: bool = False
    random: bool = False
    issued: bool = True


SHAPES = (
    Shape("secret-aws-key", AWSKeyDetector.denylist[:1], ("akia", "asia", "abia", "acca", "a3t"), exact=True),
    Shape("secret-aws-key", AWSKeyDetector.denylist[1:], ("aws",), group=1, random=True, issued=False),
    Shape("secret-github-token", GitHubTokenDetector.denylist, ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    Shape("secret-github-token", [re.compile(r"github_pat_\w{82}")], ("github_pat_",)),
    Shape("secret-gitlab-token", GitLabTokenDetector.denylist, ("gl", "gr1348941")),
    Shape("secret-slack-token", SlackDetector.denylist, ("xox", "hooks.slack")),
    Shape("secret-slack-token", [re.compile(r"xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}")], ("xapp-",)),
    Shape("secret-stripe-key", StripeDetector.denylist, ("k_live_",)),
    Shape("secret-twilio-key", [re.compile(r"(?:AC|SK)[0-9a-f]{32}")], ("ac", "sk"), exact=True),
    Shape("secret-sendgrid-key", SendGridDetector.denylist, ("sg.",)),
    Shape("secret-mailchimp-key", MailchimpDetector.denylist, ("-us",), exact=True, random=True),
    Shape("secret-npm-token", NpmDetector.denylist, (":_authtoken",), group=1),
    Shape("secret-npm-token", [re.compile(r"npm_[A-Za-z0-9]{36}")], ("npm_",), exact=True, random=True),
    Shape("secret-pypi-token", PypiTokenDetector.denylist, ("pypi-age",)),
    Shape("secret-openai-key", OpenAIDetector.denylist, ("t3blbkfj",)),
    Shape("secret-openai-key", [re.compile(r"sk-(?:proj|svcacct|admin)-[\w-]{40,}")], ("sk-",), random=True),
    Shape("secret-anthropic-key", [re.compile(r"sk-ant-[a-z]+\d\d-[\w-]{80,}")], ("sk-ant-",)),
    Shape("secret-google-key", [re.compile(r"AIza[\w-]{35}")], ("aiza",), exact=True),
    Shape("secret-hugging-face-token", [re.compile(r"hf_[A-Za-z]{34}")], ("hf_",), exact=True, random=True),
    Shape("secret-codetune-key", [re.compile(r"ctk_[0-9A-Za-z]{10}_[0-9A-Za-z]{49}")], ("ctk_",), exact=True),
    Shape("secret-digitalocean-token", [re.compile(r"do[opr]_v1_[a-f0-9]{64}")], ("_v1_",), exact=True),
    Shape("secret-azure-storage-key", [re.compile(r"AccountKey=([a-zA-Z0-9+/=]{88})")], ("accountkey=",), group=1),
    Shape("secret-discord-token", DiscordBotTokenDetector.denylist, (".",), random=True),
    Shape("secret-telegram-token", TelegramBotTokenDetector.denylist, (":",), exact=True, random=True),
    Shape("secret-square-token", SquareOAuthDetector.denylist, ("sq0csp-",)),
    Shape(
        "secret-artifactory-token",
        [re.compile(r"(?:[\s=:\"']|^)(AKC[a-zA-Z0-9]{10,}|AP[\dA-F][a-zA-Z0-9]{8,})(?=[\s\"']|$)")],
        ("akc", "ap"),
        group=1,
        random=True,
        issued=False,
    ),
    Shape("secret-url-credentials", BasicAuthDetector.denylist, ("://",), group=1, issued=False),
    Shape("secret-jwt", JwtTokenDetector.denylist, ("eyj",), issued=False),
    Shape(
        "secret-ibm-cloud-key",
        [*CloudantDetector.denylist[:2], *SoftlayerDetector.denylist[:1], *IbmCosHmacDetector.denylist],
        ("key", "pw", "pass", "token"),
        group=1,
        random=True,
        issued=False,
    ),
)
