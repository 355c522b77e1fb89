"""Product pictures: unpacked from uploads, scaled by ImageMagick, and cached by browsers."""

import hashlib
import subprocess
import tarfile
from pathlib import Path
from typing import IO

PLACEHOLDER_SHA256 = "a1abfd410973b0111c215baa879b9edcd739e601659ba44168269767cc2e9108"


def unpack_pictures(archive: IO[bytes], folder: Path) -> list[str]:
    """Unpack an uploaded archive of pictures; returns the names in it."""
    with tarfile.open(fileobj=archive) as pictures:
        pictures.extractall(folder)
        return pictures.getnames()


def unpack_theme(archive: IO[bytes], folder: Path) -> list[str]:
    """Unpack an uploaded archive of style sheets; returns the names in it."""
    with tarfile.open(fileobj=archive) as theme:
        theme.extractall(folder, filter="data")
        return theme.getnames()


def make_thumbnail(source: Path, target: Path) -> None:
    """Scale a picture down; raises CalledProcessError where ImageMagick cannot read it."""
    subprocess.run(f"convert {source} -resize 320x320 {target}", shell=True, check=True)


def picture_size(source: Path) -> str:
    """Width and height, such as ``640x480``."""
    command = ["identify", "-format", "%wx%h", str(source)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def etag(picture: bytes) -> str:
    """A short name for a picture's content, by which browsers know that it changed."""
    return hashlib.md5(picture, usedforsecurity=False).hexdigest()


def is_placeholder(picture: bytes) -> bool:
    """Whether this is the grey picture that stands where there is none yet."""
    return hashlib.sha256(picture).hexdigest() == PLACEHOLDER_SHA256
