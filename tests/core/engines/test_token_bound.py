"""The bound on tokens where the tokenizer is elsewhere, against the smallest vocabulary there is."""

import base64
import random
import sysconfig
from pathlib import Path

import pytest

from codetune_core.engines.token_bound import token_bound

FIXTURE = Path(__file__).parents[2] / "fixtures" / "tiny-code-model" / "tokenizer.json"
DRAWN = random.Random(7)
TEXTS = {
    "nothing": "",
    "digits": "".join(DRAWN.choices("0123456789", k=2000)),
    "hex": DRAWN.randbytes(1000).hex(),
    "base64": base64.b64encode(DRAWN.randbytes(2000)).decode(),
    "capitals": "".join(DRAWN.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", k=2000)),
    "punctuation": "".join(DRAWN.choices("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", k=2000)),
    "indentation": "\n" + " " * 333 + "\t" * 50 + "\n" * 50,
    "one-letter names": " ".join(DRAWN.choices("abcdefghijklmnopqrstuvwxyz", k=1000)),
    "Chinese": "漢字仮名交じり文を数える。" * 40,
    "Cyrillic": "Съешь же ещё этих мягких французских булок. " * 20,
    "emoji": "😀🎉👩‍👩‍👧‍👦" * 50,
    "minified": "function a(b,c){return b.d?e(b,c):f[g]||(h=i)};" * 40,
    "a lone surrogate": "x\ud800y",
}


@pytest.fixture(scope="module")
def tokenizer():
    tokenizers = pytest.importorskip("tokenizers")
    return tokenizers.Tokenizer.from_file(str(FIXTURE))


@pytest.mark.parametrize("kind", TEXTS)
def test_no_text_has_more_tokens(tokenizer, kind):
    text = TEXTS[kind].encode("utf-8", "replace").decode()
    assert len(tokenizer.encode(text, add_special_tokens=False).ids) <= token_bound(TEXTS[kind])


def test_no_source_has_more_tokens_and_the_bound_is_not_far_too_high(tokenizer):
    library = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:15]
    counted = bounds = 0
    for path in library:
        source = path.read_text("utf-8")
        tokens, bound = len(tokenizer.encode(source, add_special_tokens=False).ids), token_bound(source)
        assert tokens <= bound, path
        counted, bounds = counted + tokens, bounds + bound
    assert bounds < 2.5 * counted
