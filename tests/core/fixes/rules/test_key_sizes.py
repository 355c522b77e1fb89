import pytest

from codetune_core.domain.fix import Applicability

ASYMMETRIC = "from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa\n"


@pytest.mark.parametrize(
    "template",
    [
        ASYMMETRIC + "rsa.generate_private_key(65537, {})\n",
        ASYMMETRIC + "rsa.generate_private_key(public_exponent=65537, key_size={})\n",
        ASYMMETRIC + "rsa.generate_private_key(\n    key_size={},  # short\n    public_exponent=65537,\n)\n",
        ASYMMETRIC + "dsa.generate_private_key(key_size={})\n",
        ASYMMETRIC + "dsa.generate_private_key({})\n",
        "from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as g\ng(65537, key_size={})\n",
        "from Crypto.PublicKey import RSA\nRSA.generate({})\n",
        "from Crypto.PublicKey import RSA\nRSA.generate(bits={})\n",
        "from Cryptodome.PublicKey import DSA as D\nx = [D.generate({})]\n",
        "from Crypto.PublicKey import RSA\r\ndef f():\r\n\treturn RSA.generate({}).export_key()\r\n",
    ],
)
@pytest.mark.parametrize("size", ["512", "1024", "0x400"])
def test_a_short_key_becomes_longer(check_fix, template, size):
    check_fix(template.format(size), template.format("3072"), "S505", applicability=Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            ASYMMETRIC + "ec.generate_private_key(curve=ec.SECT163K1)\n",
            ASYMMETRIC + "ec.generate_private_key(curve=ec.SECP256R1)\n",
        ),
        (
            ASYMMETRIC + "ec.generate_private_key(ec.SECT163R2, None)\n",
            ASYMMETRIC + "ec.generate_private_key(ec.SECP256R1, None)\n",
        ),
        (
            "import cryptography.hazmat.primitives.asymmetric.ec as e\ne.generate_private_key(curve=e.SECT163K1)\n",
            "import cryptography.hazmat.primitives.asymmetric.ec as e\ne.generate_private_key(curve=e.SECP256R1)\n",
        ),
    ],
)
def test_a_short_curve_becomes_a_longer_one(check_fix, before, after):
    check_fix(before, after, "S505")
