"""Commands for a shell become lists of arguments, wherever no shell is needed."""

# ruff: noqa: E501 - tables with a text on each line

import pytest

HEAD = "import os\nimport shlex\nimport subprocess\nimport sys\n\n\ndef f(path, host: str, n, names):\n    "

SHELL = [
    ('subprocess.run("ls -l /srv", shell=True)', 'subprocess.run(["ls", "-l", "/srv"])'),
    ('subprocess.run(f"ping -c 1 {host}", shell=True)', 'subprocess.run(["ping", "-c", "1", host])'),
    ('subprocess.run(f"ping -c {n} {host}", shell=True)', 'subprocess.run(["ping", "-c", str(n), host])'),
    ('subprocess.run("ping " + host, shell=True)', 'subprocess.run(["ping", host])'),
    ('subprocess.run("ping -n" + str(n) + " " + host, shell=True)', 'subprocess.run(["ping", f"-n{str(n)}", host])'),
    ('subprocess.run("ping %s" % host, shell=True)', 'subprocess.run(["ping", host])'),
    ('subprocess.run("ping -c %d %s" % (n, host), shell=True)', 'subprocess.run(["ping", "-c", str(n), host])'),
    ('subprocess.run("ping {}".format(host), shell=True)', 'subprocess.run(["ping", host])'),
    (
        'subprocess.run("ping -c {n} {h}".format(h=host, n=n), shell=True)',
        'subprocess.run(["ping", "-c", str(n), host])',
    ),
    (
        'subprocess.run(f"tar xf {path}/{n}.tar --out={host}", shell=True)',
        'subprocess.run(["tar", "xf", f"{path}/{n}.tar", f"--out={host}"])',
    ),
    ('subprocess.run(f"echo \'{path} x\' \\"{host}\\"", shell=True)', 'subprocess.run(["echo", f"{path} x", host])'),
    (
        "subprocess.run(\"echo 'a b' \\\"c d\\\" e\\\\ f ''\", shell=True)",
        'subprocess.run(["echo", "a b", "c d", "e f", ""])',
    ),
    ('subprocess.run(f"ls {shlex.quote(path)}", shell=True)', 'subprocess.run(["ls", path])'),
    ('subprocess.run(f"ls --x={shlex.quote(path)}", shell=True)', 'subprocess.run(["ls", f"--x={path}"])'),
    ('subprocess.run(f"ls {n:03d}", shell=True)', 'subprocess.run(["ls", f"{n:03d}"])'),
    ('subprocess.run(f"{sys.executable} -m pip", shell=True)', 'subprocess.run([sys.executable, "-m", "pip"])'),
    (
        'subprocess.run(f"ls {sys.argv[1]} {host.strip()} {os.path.join(path, host)}", shell=True)',
        'subprocess.run(["ls", sys.argv[1], host.strip(), os.path.join(path, host)])',
    ),
    (
        'subprocess.check_output(args=f"id {host}", shell=True, text=True)',
        'subprocess.check_output(args=["id", host], text=True)',
    ),
    ('subprocess.call("ls", shell=True, cwd=path)', 'subprocess.call(["ls"], cwd=path)'),
    ('subprocess.run("ls", check=True, shell=True)', 'subprocess.run(["ls"], check=True)'),
    (
        'p = subprocess.Popen("ls", shell=True, stdout=subprocess.PIPE).stdout.read()',
        'p = subprocess.Popen(["ls"], stdout=subprocess.PIPE).stdout.read()',
    ),
    (
        'print(str(subprocess.check_output("id " + host, shell=True)))',
        'print(str(subprocess.check_output(["id", host])))',
    ),
    ('subprocess.run(["ls", path], shell=True)', 'subprocess.run(["ls", path])'),
    ('subprocess.run("ls " "-l " f"{host}", shell=True)', 'subprocess.run(["ls", "-l", host])'),
    (
        'cmd = f"ls {host}"\n    return subprocess.run(cmd, shell=True)',
        'cmd = ["ls", host]\n    return subprocess.run(cmd)',
    ),
    ('x = input()\n    subprocess.run(f"ls {x}", shell=True)', 'x = input()\n    subprocess.run(["ls", x])'),
    (
        'for x in range(3):\n        subprocess.run(f"ls {x}", shell=True)',
        'for x in range(3):\n        subprocess.run(["ls", str(x)])',
    ),
    ("subprocess.run(f\"ls {path['a']}\", shell=True)", "subprocess.run([\"ls\", str(path['a'])])"),
    (
        'subprocess.run("find . -name {} -print", shell=False, check=True) or subprocess.run("ls a=b", shell=True)',
        'subprocess.run("find . -name {} -print", shell=False, check=True) or subprocess.run(["ls", "a=b"])',
    ),
    (
        'subprocess.run(\n        f"ls {host}",  # the command\n        shell=True,  # why\n        check=True,\n    )',
        'subprocess.run(\n        ["ls", host],  # the command\n        check=True,\n    )',
    ),
    (
        'subprocess.run(\n        f"ls {host}",\n        check=True,\n        shell=True,\n    )',
        'subprocess.run(\n        ["ls", host],\n        check=True,\n    )',
    ),
    (
        'subprocess.run(\n        "ls -l "\n        f"{host}",\n        shell=True\n    )',
        'subprocess.run(\n        ["ls", "-l", host]\n    )',
    ),
]
SYSTEM = [
    ('os.system("ls -l")', 'subprocess.run(["ls", "-l"], check=False)'),
    ('os.system(f"ping {host}")', 'subprocess.run(["ping", host], check=False)'),
    ('os.system("ping " + host)', 'subprocess.run(["ping", host], check=False)'),
    ('os.system("ping %s" % host)', 'subprocess.run(["ping", host], check=False)'),
    (
        'if os.system(f"ping {host}") != 0:\n        pass',
        'if subprocess.run(["ping", host], check=False).returncode != 0:\n        pass',
    ),
    ('return os.system("ping {}".format(host))', 'return subprocess.run(["ping", host], check=False).returncode'),
    (
        'return os.popen(f"id {host}").read()',
        'return subprocess.run(["id", host], stdout=subprocess.PIPE, text=True, check=False).stdout',
    ),
    (
        'return os.popen("ls").read().strip()',
        'return subprocess.run(["ls"], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()',
    ),
    (
        'for x in os.popen("ls").readlines():\n        pass',
        'for x in subprocess.run(["ls"], stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines(keepends=True):\n        pass',
    ),
    ('cmd = "ping " + host\n    os.system(cmd)', 'cmd = ["ping", host]\n    subprocess.run(cmd, check=False)'),
    ('os.system("ls"); print(n)', 'subprocess.run(["ls"], check=False); print(n)'),
]


@pytest.mark.parametrize(("before", "after"), SHELL)
def test_a_shell_becomes_a_list_of_arguments(check_fix, before, after):
    check_fix(f"{HEAD}{before}\n", f"{HEAD}{after}\n", "S602", title="list of arguments", applicability="unsafe")


@pytest.mark.parametrize(("before", "after"), SYSTEM)
def test_os_system_becomes_a_process(check_fix, before, after):
    check_fix(f"{HEAD}{before}\n", f"{HEAD}{after}\n", "S605", title="list of arguments", applicability="unsafe")


@pytest.mark.parametrize(("before", "after"), [("S602", SHELL), ("S605", SYSTEM)])
def test_windows_line_ends_stay(check_fix, before, after):
    for text, fixed in after:
        check_fix(f"{HEAD}{text}\n".replace("\n", "\r\n"), f"{HEAD}{fixed}\n".replace("\n", "\r\n"), before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from os import system\n\nsystem('ls')\n",
            'import subprocess\nfrom os import system\n\nsubprocess.run(["ls"], check=False)\n',
        ),
        (
            "import os as o\n\no.system('ls')\n",
            'import os as o\nimport subprocess\n\nsubprocess.run(["ls"], check=False)\n',
        ),
        (
            "import os\nfrom subprocess import run\n\nos.system('ls')\n",
            'import os\nfrom subprocess import run\n\nrun(["ls"], check=False)\n',
        ),
        (
            "import os\nimport subprocess as sp\n\nos.popen('ls').read()\n",
            'import os\nimport subprocess as sp\n\nsp.run(["ls"], stdout=sp.PIPE, text=True, check=False).stdout\n',
        ),
        (
            "import os\nfrom subprocess import run\n\nos.popen('ls').read()\n",
            'import os\nfrom subprocess import PIPE, run\n\nrun(["ls"], stdout=PIPE, text=True, check=False).stdout\n',
        ),
    ],
)
def test_subprocess_is_imported_or_used_as_it_is_imported(check_fix, before, after):
    check_fix(before, after, "S605")


@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("import subprocess as sp", "sp.run"),
        ("from subprocess import run", "run"),
        ("from subprocess import Popen as P", "P"),
    ],
)
def test_subprocess_is_known_under_every_name(check_fix, head, call):
    check_fix(f"{head}\n\n{call}('ls', shell=True)\n", f'{head}\n\n{call}(["ls"])\n', "S602")


NEEDS_SHELL = [
    "cat {host} | wc", "ls > {host}", "ls < {host}", "ls && id {host}", "ls; id {host}", "ls & {host}", "ls *.py {host}", "echo $HOME {host}",
    "echo `id` {host}", "cd {host}", "export A={host}", "A=1 ls {host}", "ls ~/{host}", "ls # {host}", "! ls {host}", "ls {{a,b}} {host}",
    'echo "$HOME" {host}', 'echo "`id`" {host}', "echo 'a {host}", "ls a?b {host}", "ls [ab] {host}", "(ls {host})", "ls \\\\{host}", "ls {host} 2>&1",
    "source {host}", "ls\\n{host}", "  ",
]  # fmt: skip


@pytest.mark.parametrize("command", NEEDS_SHELL)
@pytest.mark.parametrize("call", ["subprocess.run({}, shell=True)", "os.system({})"])
def test_what_needs_a_shell_is_only_explained(check_declined, command, call):
    rule = "S605" if "system" in call else "S602"
    quote = '"""' if '"' in command else '"'
    fixes = check_declined(f"{HEAD}{call.format(f'f{quote}{command} {quote}')}\n", rule)
    assert "pathlib" in fixes[0].note


@pytest.mark.parametrize(
    "call",
    [
        "subprocess.run(path, shell=True)",
        "subprocess.run(*names, shell=True)",
        "subprocess.run('ls', shell=True, executable='/bin/bash')",
        "subprocess.run('ls', shell=True, **names)",
        "cmd = f'ls {host}'\n    print(cmd)\n    subprocess.run(cmd, shell=True)",
        "cmd = f'ls {host}'\n    cmd += ' -l'\n    subprocess.run(cmd, shell=True)",
        "cmd = f'ls {host()}'\n    subprocess.run(cmd, shell=True)",
        "subprocess.run('ls %s %s' % names, shell=True)",
        "subprocess.run(b'ls', shell=True)",
        "subprocess.run('ls %(x)s' % {**names}, shell=True)",
        "subprocess.run('ls {'.format(host), shell=True)",
        "subprocess.run('ls {} {}'.format(host), shell=True)",
        "subprocess.run('ls {:{}}'.format(host, n), shell=True)",
        "subprocess.run('ls %s %s' % (host,), shell=True)",
        "subprocess.run('ls %s' % (host, n), shell=True)",
        "subprocess.run('ls %(x)s' % {'y': n}, shell=True)",
        "subprocess.run('ls %' % host, shell=True)",
        "subprocess.run('ls %s' % (*names,), shell=True)",
        "subprocess.run(f'ls {host=}', shell=True)",
        "subprocess.run(f'{host}' % n, shell=True)",
    ],
)
def test_an_unknown_command_is_only_explained(check_declined, call):
    check_declined(f"{HEAD}{call}\n", "S602")


@pytest.mark.parametrize(
    "call", ["os.popen('ls')", "os.popen('ls').readline()", "os.system(path)", "subprocess.getoutput('ls')"]
)
def test_an_open_pipe_is_only_explained(check_declined, call):
    check_declined(f"{HEAD}{call}\n", "S605")


def test_the_note_names_what_needs_the_shell(check_declined):
    fixes = check_declined(f'{HEAD}os.system("cat x | wc")\n', "S605")
    assert "needs its shell for `|`" in fixes[0].note


def test_a_wrapper_with_shell_true_is_only_explained(check_declined):
    check_declined("import tools\n\ntools.run('ls', shell=True)\n", "S604")


def test_a_wildcard_is_explained(bench):
    found = bench.findings("import subprocess\nsubprocess.Popen('chown root *', shell=True)\n", "S609")
    assert "`--`" in found[0].fixes[0].note or "--" in found[0].fixes[0].note


def test_a_name_taken_by_something_else_is_left(check_declined):
    check_declined("import os\n\n\ndef f(subprocess, run):\n    os.system('ls')\n", "S605")
