"""A package of detectors that misbehave, installed for the workers of these tests by PYTHONPATH alone."""

import os
import textwrap

import pytest

from codetune_core.workers.pool import Pool

MODULE = """
import asyncio, os, sys, time
from codetune_core.detectors.protocol import Detection, Pace
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.text import Range

class Base:
    pace = Pace.LIVE
    def __init__(self, settings): pass
    def handles(self, document): return "USE " + self.name in document.text
    async def aclose(self): pass
    def describe(self): return self.name + " 1.0"
    async def detect(self, document):
        await self.work(document)
        rule = Rule(self.name, "a flaw")
        words = f"seen by {os.getpid()}"
        finding = Finding(rule, Range.of(0, 0, 0, 1), words, Severity.LOW, Confidence.LOW, (self.name,))
        return Detection((finding,))

class Echo(Base):
    name = "echo"
    async def work(self, document): print("noise on the standard output", flush=True)

class Crash(Base):
    name = "crash"
    async def work(self, document): raise RuntimeError("boom")

class Sleep(Base):
    name = "sleep"
    async def work(self, document): await asyncio.sleep(3600)

class Starved(Base):
    name = "starved"
    async def work(self, document):
        if os.sched_getscheduler(0) != os.SCHED_IDLE:
            return
        if "with all its worker" in document.text:
            time.sleep(3600)
        await asyncio.sleep(3600)

class Block(Base):
    name = "block"
    async def work(self, document): time.sleep(3600)

class Die(Base):
    name = "die"
    async def work(self, document): os._exit(3)

class Once(Base):
    name = "once"
    async def work(self, document):
        flag = os.environ["CODETUNE_TEST_FLAG"]
        if not os.path.exists(flag):
            open(flag, "w").close()
            os._exit(3)

def broken(settings):
    raise ImportError("needs a library that is not installed")
"""
NAMES = {
    "echo": "Echo",
    "crash": "Crash",
    "sleep": "Sleep",
    "block": "Block",
    "starved": "Starved",
    "die": "Die",
    "once": "Once",
    "broken": "broken",
}


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """Put the package where new worker processes find it."""
    (tmp_path / "misbehaving.py").write_text(textwrap.dedent(MODULE))
    info = tmp_path / "misbehaving-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1.0\n")
    lines = [f"{name} = misbehaving:{target}" for name, target in NAMES.items()]
    (info / "entry_points.txt").write_text("[codetune.detectors]\n" + "\n".join(lines) + "\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("CODETUNE_TEST_FLAG", str(tmp_path / "flag"))
    return tmp_path


@pytest.fixture
async def pool(plugins):
    """One worker."""
    pool = Pool(1)
    yield pool
    await pool.aclose()
