"""SQL built from strings becomes SQL with bound parameters, and only where a value stands."""

# ruff: noqa: E501 - tables with a text on each line

import pytest

SQLITE = "import sqlite3\n\n\ndef f(conn: sqlite3.Connection, name, age, names, table):\n    "
PSYCOPG = "import psycopg\n\n\ndef f(cur, name, age):\n    "
TEXT = "from sqlalchemy import text\n\n\ndef f(session, name, age):\n    "
ASYNCPG = "import asyncpg\n\n\nasync def f(conn, name, age):\n    "

SQLITE_CASES = [
    (
        "conn.execute(f\"SELECT * FROM t WHERE name = '{name}'\")",
        'conn.execute("SELECT * FROM t WHERE name = ?", (name,))',
    ),
    ('conn.execute(f"SELECT * FROM t WHERE age = {age}")', 'conn.execute("SELECT * FROM t WHERE age = ?", (age,))'),
    (
        'conn.execute("SELECT * FROM t WHERE name = \'" + name + "\'")',
        'conn.execute("SELECT * FROM t WHERE name = ?", (name,))',
    ),
    (
        'conn.execute("SELECT * FROM t WHERE age = " + str(age))',
        'conn.execute("SELECT * FROM t WHERE age = ?", (age,))',
    ),
    (
        "conn.execute(\"SELECT * FROM t WHERE name = '%s'\" % name)",
        'conn.execute("SELECT * FROM t WHERE name = ?", (name,))',
    ),
    ('conn.execute("SELECT * FROM t WHERE age = %d" % age)', 'conn.execute("SELECT * FROM t WHERE age = ?", (age,))'),
    (
        "conn.execute(\"SELECT * FROM t WHERE a = %s AND b = '%s'\" % (age, name))",
        'conn.execute("SELECT * FROM t WHERE a = ? AND b = ?", (age, name))',
    ),
    (
        'conn.execute("SELECT * FROM t WHERE a = %(a)s" % {"a": age})',
        'conn.execute("SELECT * FROM t WHERE a = ?", (age,))',
    ),
    (
        "conn.execute(\"SELECT * FROM t WHERE name = '{}'\".format(name))",
        'conn.execute("SELECT * FROM t WHERE name = ?", (name,))',
    ),
    (
        'conn.execute("SELECT * FROM t WHERE a = {0} OR b = {0}".format(age))',
        'conn.execute("SELECT * FROM t WHERE a = ? OR b = ?", (age, age))',
    ),
    (
        'conn.execute("SELECT * FROM t WHERE a = {x} AND b = {y}".format(y=name, x=age))',
        'conn.execute("SELECT * FROM t WHERE a = ? AND b = ?", (age, name))',
    ),
    (
        "conn.execute(f\"SELECT * FROM t WHERE name LIKE '%{name}%'\")",
        'conn.execute("SELECT * FROM t WHERE name LIKE ?", (f"%{name}%",))',
    ),
    (
        'conn.execute("SELECT * FROM t WHERE name LIKE \'%" + name + "%\'")',
        'conn.execute("SELECT * FROM t WHERE name LIKE ?", (f"%{name}%",))',
    ),
    (
        "conn.execute(\"SELECT * FROM t WHERE name LIKE '%%%s%%'\" % name)",
        'conn.execute("SELECT * FROM t WHERE name LIKE ?", (f"%{name}%",))',
    ),
    (
        "conn.execute(\"SELECT * FROM t WHERE name LIKE '{}%'\".format(name))",
        'conn.execute("SELECT * FROM t WHERE name LIKE ?", (f"{name}%",))',
    ),
    (
        "conn.execute(f\"INSERT INTO t (a, b) VALUES ({age}, '{name}')\")",
        'conn.execute("INSERT INTO t (a, b) VALUES (?, ?)", (age, name))',
    ),
    ('conn.execute(f"INSERT INTO t (a) VALUES ({age})")', 'conn.execute("INSERT INTO t (a) VALUES (?)", (age,))'),
    (
        "conn.execute(f\"UPDATE t SET a = {age}, b = '{name}' WHERE c = 1\")",
        'conn.execute("UPDATE t SET a = ?, b = ? WHERE c = 1", (age, name))',
    ),
    (
        'conn.execute(f"DELETE FROM t WHERE a = {age} AND b = ?", (name,))',
        'conn.execute("DELETE FROM t WHERE a = ? AND b = ?", (age, name))',
    ),
    (
        'conn.execute(f"DELETE FROM t WHERE a = ? AND b = {age}", (name,))',
        'conn.execute("DELETE FROM t WHERE a = ? AND b = ?", (name, age))',
    ),
    (
        'conn.execute(f"DELETE FROM t WHERE a = ? AND b = {age} AND c = ? AND d = {names}", [name, 5])',
        'conn.execute("DELETE FROM t WHERE a = ? AND b = ? AND c = ? AND d = ?", [name, age, 5, names])',
    ),
    (
        'conn.execute(f"DELETE FROM t WHERE a = :a AND b = {age}", {"a": name})',
        'conn.execute("DELETE FROM t WHERE a = :a AND b = :age", {"a": name, "age": age})',
    ),
    (
        'conn.execute(f"SELECT * FROM t WHERE a > {age} ORDER BY b LIMIT {name} OFFSET {names}")',
        'conn.execute("SELECT * FROM t WHERE a > ? ORDER BY b LIMIT ? OFFSET ?", (age, name, names))',
    ),
    (
        'conn.execute(f"SELECT * FROM t WHERE a BETWEEN {age} AND {name}")',
        'conn.execute("SELECT * FROM t WHERE a BETWEEN ? AND ?", (age, name))',
    ),
    (
        'conn.execute(f"SELECT * FROM t WHERE a IN ({age}, {name})")',
        'conn.execute("SELECT * FROM t WHERE a IN (?, ?)", (age, name))',
    ),
    (
        "conn.execute(f\"SELECT * FROM t WHERE lower(a) = lower('{name}')\")",
        'conn.execute("SELECT * FROM t WHERE lower(a) = lower(?)", (name,))',
    ),
    (
        "conn.execute(f\"SELECT * FROM t WHERE a = '{name}' AND b = 'it''s'\")",
        "conn.execute(\"SELECT * FROM t WHERE a = ? AND b = 'it''s'\", (name,))",
    ),
    ("conn.execute(f'SELECT * FROM t WHERE a = \\'{name}\\'')", "conn.execute('SELECT * FROM t WHERE a = ?', (name,))"),
    ("conn.execute(f'SELECT * FROM t WHERE a = \"{name}\"')", "conn.execute('SELECT * FROM t WHERE a = ?', (name,))"),
    ('conn.execute(f"SELECT * FROM t WHERE a = {name!r}")', 'conn.execute("SELECT * FROM t WHERE a = ?", (name,))'),
    (
        "conn.execute(f\"SELECT * FROM t WHERE a = '{name!s}'\")",
        'conn.execute("SELECT * FROM t WHERE a = ?", (str(name),))',
    ),
    (
        "conn.execute(f\"SELECT * FROM t WHERE a = '{age:%Y-%m-%d}'\")",
        'conn.execute("SELECT * FROM t WHERE a = ?", (f"{age:%Y-%m-%d}",))',
    ),
    (
        "conn.execute(f\"SELECT * FROM t WHERE a = '{name.strip().lower()}'\")",
        'conn.execute("SELECT * FROM t WHERE a = ?", (name.strip().lower(),))',
    ),
    (
        'conn.execute(f"SELECT * FROM t WHERE a = {names[0]} AND b = {age + 1}")',
        'conn.execute("SELECT * FROM t WHERE a = ? AND b = ?", (names[0], age + 1))',
    ),
    (
        'conn.execute("SELECT * FROM t WHERE a = \'" + name.replace("\'", "\'\'") + "\'")',
        'conn.execute("SELECT * FROM t WHERE a = ?", (name,))',
    ),
    (
        'conn.execute(f"SELECT * FROM t " f"WHERE a = \'{name}\' " "AND b = 1")',
        'conn.execute("SELECT * FROM t " "WHERE a = ? " "AND b = 1", (name,))',
    ),
    (
        'conn.execute(("SELECT * FROM t WHERE a = " + str(age)))',
        'conn.execute(("SELECT * FROM t WHERE a = ?"), (age,))',
    ),
    (
        'conn.execute("SELECT * FROM t WHERE a = \'" + name + "\' AND b = " + str(age) + " AND c = 1")',
        'conn.execute("SELECT * FROM t WHERE a = ? AND b = ? AND c = 1", (name, age))',
    ),
    (
        "conn.execute(\"SELECT 'é🎉', a FROM t WHERE a = '\" + name + \"'\")  # 🎉",
        "conn.execute(\"SELECT 'é🎉', a FROM t WHERE a = ?\", (name,))  # 🎉",
    ),
    (
        'rows = list(map(dict, conn.execute(f"SELECT * FROM t WHERE a = {age}").fetchall()))',
        'rows = list(map(dict, conn.execute("SELECT * FROM t WHERE a = ?", (age,)).fetchall()))',
    ),
    (
        'q = f"SELECT * FROM t WHERE a = {age}"\n    return conn.execute(q)',
        'q = "SELECT * FROM t WHERE a = ?"\n    return conn.execute(q, (age,))',
    ),
    (
        'q: str = f"SELECT * FROM t WHERE a = {age}"\n    print(age)\n    return conn.execute(q).fetchone()',
        'q: str = "SELECT * FROM t WHERE a = ?"\n    print(age)\n    return conn.execute(q, (age,)).fetchone()',
    ),
    (
        'conn.execute(f"""\n        SELECT *  -- all of it\n        FROM t\n        WHERE a = \'{name}\'\n    """)',
        'conn.execute("""\n        SELECT *  -- all of it\n        FROM t\n        WHERE a = ?\n    """, (name,))',
    ),
    (
        'conn.execute(\n        "SELECT * FROM t "  # what\n        "WHERE a = %s "  # which\n        "AND b = 1" % age\n    )',
        'conn.execute(\n        "SELECT * FROM t "  # what\n        "WHERE a = ? "  # which\n        "AND b = 1", (age,)\n    )',
    ),
    (
        'conn.execute(\n        "SELECT * FROM t WHERE a = \'" + name + "\' "\n        + "AND b = \'" + age + "\'",\n    )',
        'conn.execute(\n        "SELECT * FROM t WHERE a = ? "\n        "AND b = ?", (name, age),\n    )',
    ),
    (
        'conn.execute(f"SELECT * FROM t JOIN u ON t.a = u.a WHERE t.b = {age}::int")',
        'conn.execute("SELECT * FROM t JOIN u ON t.a = u.a WHERE t.b = ?::int", (age,))',
    ),
    (
        'conn.execute("SELECT * FROM t WHERE a = %(a)s AND b = %(b)s" % names)',
        'conn.execute("SELECT * FROM t WHERE a = ? AND b = ?", (names["a"], names["b"]))',
    ),
    ('conn.execute("SELECT * FROM t WHERE a = %r" % name)', 'conn.execute("SELECT * FROM t WHERE a = ?", (name,))'),
    (
        'conn.execute("SELECT * FROM t WHERE a LIKE \'%" + name + "_" + age + "%\'")',
        'conn.execute("SELECT * FROM t WHERE a LIKE ?", (f"%{name}_{age}%",))',
    ),
    (
        "conn.execute(f\"SELECT * FROM t WHERE a LIKE '{names['x']}%'\")",
        'conn.execute("SELECT * FROM t WHERE a LIKE ?", (f"{names[\'x\']}%",))',
    ),
    (
        "conn.execute(f\"SELECT * FROM t WHERE a = '{name}\\n{age:{names}}'\")",
        'conn.execute("SELECT * FROM t WHERE a = ?", (f"{name}\\n{age:{names}}",))',
    ),
    ('conn.execute(f"DELETE FROM t WHERE a = {age}", ())', 'conn.execute("DELETE FROM t WHERE a = ?", (age,))'),
    (
        'conn.execute(f"DELETE FROM t WHERE a = {age}", {})',
        'conn.execute("DELETE FROM t WHERE a = :age", {"age": age})',
    ),
    (
        'conn.execute(("SELECT * FROM t " +\n        "WHERE a = " + age  # a + b\n    ))',
        'conn.execute(("SELECT * FROM t "\n        "WHERE a = ?"  # a + b\n    ), (age,))',
    ),
    (
        "conn.execute(f\"SELECT json('{{}}') FROM t WHERE a = {age}\")",
        "conn.execute(\"SELECT json('{}') FROM t WHERE a = ?\", (age,))",
    ),
    (
        "conn.execute(rf\"SELECT * FROM t WHERE a REGEXP '\\d' AND b = {age}\")",
        "conn.execute(r\"SELECT * FROM t WHERE a REGEXP '\\d' AND b = ?\", (age,))",
    ),
]


@pytest.mark.parametrize(("before", "after"), SQLITE_CASES)
def test_sqlite_gets_question_marks(check_fix, before, after):
    title = "bind the value"
    check_fix(f"{SQLITE}{before}\n", f"{SQLITE}{after}\n", "S608", title=title, applicability="safe")


@pytest.mark.parametrize(("before", "after"), SQLITE_CASES)
def test_line_ends_and_tabs_stay(check_fix, before, after):
    def windows(text):
        return f"{SQLITE}{text}\n".replace("    ", "\t").replace("\n", "\r\n")

    check_fix(windows(before), windows(after), "S608")


PSYCOPG_CASES = [
    (
        "cur.execute(f\"SELECT * FROM t WHERE name = '{name}'\")",
        'cur.execute("SELECT * FROM t WHERE name = %s", (name,))',
    ),
    (
        "cur.execute(\"SELECT * FROM t WHERE name = '%s'\" % name)",
        'cur.execute("SELECT * FROM t WHERE name = %s", (name,))',
    ),
    (
        "cur.execute(f\"SELECT * FROM t WHERE b LIKE 'a%' AND a = {age}\")",
        "cur.execute(\"SELECT * FROM t WHERE b LIKE 'a%%' AND a = %s\", (age,))",
    ),
    (
        "cur.execute(\"SELECT * FROM t WHERE b LIKE 'a%%' AND a = %s\" % age)",
        "cur.execute(\"SELECT * FROM t WHERE b LIKE 'a%%' AND a = %s\", (age,))",
    ),
    (
        "cur.execute(f\"SELECT * FROM t WHERE b = %s AND c LIKE 'a%%' AND a = {age}\", (name,))",
        "cur.execute(\"SELECT * FROM t WHERE b = %s AND c LIKE 'a%%' AND a = %s\", (name, age))",
    ),
    (
        'cur.execute("SELECT * FROM t WHERE a = %s AND b = " + str(age), [name])',
        'cur.execute("SELECT * FROM t WHERE a = %s AND b = %s", [name, age])',
    ),
    (
        'cur.execute("SELECT * FROM t WHERE a = %(a)s AND b = {}".format(age), {"a": name})',
        'cur.execute("SELECT * FROM t WHERE a = %(a)s AND b = %(age)s", {"a": name, "age": age})',
    ),
    (
        "cur.execute(f\"SELECT 10 % 3 FROM t WHERE a ILIKE '%{name}%'\")",
        'cur.execute("SELECT 10 %% 3 FROM t WHERE a ILIKE %s", (f"%{name}%",))',
    ),
    (
        'cur.execute(f"SELECT * FROM t WHERE a = %s AND b = {age}", params=(name,))',
        'cur.execute("SELECT * FROM t WHERE a = %s AND b = %s", params=(name, age))',
    ),
]
TEXT_CASES = [
    (
        "session.execute(text(f\"SELECT * FROM t WHERE name = '{name}'\"))",
        'session.execute(text("SELECT * FROM t WHERE name = :name"), {"name": name})',
    ),
    (
        'session.execute(text("SELECT * FROM t WHERE a = %s" % age))',
        'session.execute(text("SELECT * FROM t WHERE a = :age"), {"age": age})',
    ),
    (
        'session.execute(text("SELECT * FROM t WHERE a = " + age))',
        'session.execute(text("SELECT * FROM t WHERE a = :age"), {"age": age})',
    ),
    (
        'session.execute(text("SELECT * FROM t WHERE a = {}".format(age.x)))',
        'session.execute(text("SELECT * FROM t WHERE a = :x"), {"x": age.x})',
    ),
    (
        'session.execute(text(f"SELECT * FROM t WHERE a = {age} AND b = :b"), {"b": name})',
        'session.execute(text("SELECT * FROM t WHERE a = :age AND b = :b"), {"b": name, "age": age})',
    ),
    (
        'session.execute(text(f"SELECT * FROM t WHERE a = {age} AND b = :age"), {"age": name})',
        'session.execute(text("SELECT * FROM t WHERE a = :age_2 AND b = :age"), {"age": name, "age_2": age})',
    ),
    (
        'session.execute(text(f"SELECT * FROM t WHERE a = {age.id} AND b = {name.id}"))',
        'session.execute(text("SELECT * FROM t WHERE a = :id AND b = :id_2"), {"id": age.id, "id_2": name.id})',
    ),
    (
        'session.execute(text(f"SELECT * FROM t WHERE a = {age} OR b = {age}"))',
        'session.execute(text("SELECT * FROM t WHERE a = :age OR b = :age"), {"age": age})',
    ),
    (
        "session.execute(text(f\"SELECT * FROM t WHERE a LIKE '%{name}%'\"))",
        'session.execute(text("SELECT * FROM t WHERE a LIKE :name"), {"name": f"%{name}%"})',
    ),
    (
        "session.execute(text(f\"SELECT a::int FROM t WHERE a = {name['key']}\"))",
        'session.execute(text("SELECT a::int FROM t WHERE a = :key"), {"key": name[\'key\']})',
    ),
    (
        'q = text(f"SELECT * FROM t WHERE a = {age}")\n    return session.execute(q).all()',
        'q = text("SELECT * FROM t WHERE a = :age").bindparams(age=age)\n    return session.execute(q).all()',
    ),
    (
        'q = f"SELECT * FROM t WHERE a = {age}"\n    return session.scalars(text(q)).all()',
        'q = "SELECT * FROM t WHERE a = :age"\n    return session.scalars(text(q), {"age": age}).all()',
    ),
    (
        'session.query(name).from_statement(text(f"SELECT * FROM t WHERE a = {age}"))',
        'session.query(name).from_statement(text("SELECT * FROM t WHERE a = :age").bindparams(age=age))',
    ),
    (
        'session.execute(text(f"SELECT * FROM t WHERE a = {age} AND b = :b").bindparams(b=name))',
        'session.execute(text("SELECT * FROM t WHERE a = :age AND b = :b").bindparams(b=name, age=age))',
    ),
    (
        'session.execute(text(f"SELECT * FROM t WHERE a = {age}"), {})',
        'session.execute(text("SELECT * FROM t WHERE a = :age"), {"age": age})',
    ),
    (
        'session.execute(text(f"SELECT * FROM t WHERE a = {age} AND b = :b"), {\n        "b": name,\n    })',
        'session.execute(text("SELECT * FROM t WHERE a = :age AND b = :b"), {\n        "b": name, "age": age,\n    })',
    ),
    (
        'with session.begin() as c:\n        c.execute(text(f"SELECT * FROM t WHERE a = {age}"))',
        'with session.begin() as c:\n        c.execute(text("SELECT * FROM t WHERE a = :age"), {"age": age})',
    ),
]
ASYNCPG_CASES = [
    ('await conn.fetch(f"SELECT * FROM t WHERE a = {age}")', 'await conn.fetch("SELECT * FROM t WHERE a = $1", age)'),
    (
        "await conn.fetchrow(f\"SELECT * FROM t WHERE a = {age} AND b = '{name}'\")",
        'await conn.fetchrow("SELECT * FROM t WHERE a = $1 AND b = $2", age, name)',
    ),
    (
        'await conn.execute(f"DELETE FROM t WHERE b = $1 AND a = {age}", name)',
        'await conn.execute("DELETE FROM t WHERE b = $1 AND a = $2", name, age)',
    ),
]


def _cases(prefix, cases):
    return [(f"{prefix}{before}\n", f"{prefix}{after}\n") for before, after in cases]


@pytest.mark.parametrize(("before", "after"), _cases(PSYCOPG, PSYCOPG_CASES))
def test_psycopg_gets_percent_s_and_doubled_percent_signs(check_fix, before, after):
    check_fix(before, after, "S608", applicability="safe")


@pytest.mark.parametrize("module", ["psycopg2", "MySQLdb", "pymysql", "mysql.connector", "aiomysql"])
def test_other_drivers_of_the_format_style(check_fix, module):
    before = f"import {module}\n\n\ndef f(cur, a):\n    cur.execute(f'SELECT * FROM t WHERE a = {{a}}')\n"
    after = f"import {module}\n\n\ndef f(cur, a):\n    cur.execute('SELECT * FROM t WHERE a = %s', (a,))\n"
    check_fix(before, after, "S608")


@pytest.mark.parametrize(("before", "after"), _cases(TEXT, TEXT_CASES))
def test_sqlalchemy_text_gets_named_parameters(check_fix, before, after):
    check_fix(before, after, "S608", applicability="safe")


@pytest.mark.parametrize(("before", "after"), _cases(ASYNCPG, ASYNCPG_CASES))
def test_asyncpg_gets_numbered_parameters(check_fix, before, after):
    check_fix(before, after, "S608", applicability="safe")


@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("import sqlalchemy as sa\n", "sa.text"),
        ("from sqlalchemy.sql import text as t\n", "t"),
        ("from sqlalchemy.sql.expression import text\n", "text"),
        ("from app import db\n", "db.text"),
    ],
)
def test_text_is_known_under_every_name(check_fix, head, call):
    check_fix(
        f'{head}\n\ndef f(db2, a):\n    db2.execute({call}(f"SELECT * FROM t WHERE a = {{a}}"))\n',
        f'{head}\n\ndef f(db2, a):\n    db2.execute({call}("SELECT * FROM t WHERE a = :a"), {{"a": a}})\n',
        "S608",
    )


@pytest.mark.parametrize(
    ("connect", "placeholder"),
    [
        ("conn = sqlite3.connect('x')\n    cur = conn.cursor()", "?"),
        ("conn = psycopg2.connect('x')\n    cur = conn.cursor()", "%s"),
        ("cur = sqlite3.connect('x')", "?"),
        ("cur = psycopg2.connect('x').cursor()", "%s"),
        (
            "from contextlib import closing\n    conn = sqlite3.connect('x')\n    with closing(conn.cursor()) as cur:\n        pass",
            "?",
        ),
        ("with psycopg2.connect('x') as conn, conn.cursor() as cur:\n        pass", "%s"),
        ("cur: sqlite3.Cursor = make()", "?"),
        ("cur = get_db().cursor()", "?"),
    ],
)
def test_the_driver_is_told_by_how_the_connection_was_made(check_fix, connect, placeholder):
    head = f"import sqlite3\nimport psycopg2\n\n\ndef get_db():\n    return sqlite3.connect('x')\n\n\ndef f(a, make):\n    {connect}\n"
    check_fix(
        f'{head}    cur.execute(f"SELECT * FROM t WHERE a = {{a}}")\n',
        f'{head}    cur.execute("SELECT * FROM t WHERE a = {placeholder}", (a,))\n',
        "S608",
    )


def test_the_driver_is_told_by_an_attribute_set_elsewhere_in_the_class(check_fix):
    before = """
        import sqlite3
        import psycopg2

        class Store:
            def __init__(self, path):
                self.db = sqlite3.connect(path)

            def find(self, name):
                return self.db.cursor().execute("SELECT * FROM t WHERE name = '" + name + "'")
        """
    after = """
        import sqlite3
        import psycopg2

        class Store:
            def __init__(self, path):
                self.db = sqlite3.connect(path)

            def find(self, name):
                return self.db.cursor().execute("SELECT * FROM t WHERE name = ?", (name,))
        """
    check_fix(before, after, "S608")


@pytest.mark.parametrize(("known", "placeholder"), [("a = ?", "?"), ("a = %s", "%s")])
def test_without_an_import_the_other_queries_tell(check_fix, known, placeholder):
    head = f'def f(cur, a):\n    cur.execute("SELECT * FROM t WHERE {known}", (a,))\n'
    before = head + '    cur.execute(f"SELECT * FROM t WHERE b = {a}")\n'
    after = head + f'    cur.execute("SELECT * FROM t WHERE b = {placeholder}", (a,))\n'
    check_fix(before, after, "S608")


DECLINED = [
    'conn.execute(f"SELECT * FROM {table}")',
    'conn.execute(f"SELECT * FROM t ORDER BY {name}")',
    'conn.execute(f"SELECT {name} FROM t")',
    'conn.execute(f"SELECT * FROM t WHERE {name} = 1")',
    'conn.execute(f"SELECT * FROM t WHERE {name}")',
    'conn.execute(f"SELECT * FROM t WHERE a = 1 AND {name}")',
    'conn.execute(f"SELECT * FROM t WHERE a {name} 5")',
    'conn.execute(f"SELECT * FROM t WHERE a = {name}.id")',
    'conn.execute(f"SELECT * FROM t WHERE a = t_{name}")',
    'conn.execute(f"SELECT * FROM t WHERE a = {name}(1)")',
    'conn.execute(f"SELECT * FROM t WHERE a IN ({names})")',
    "conn.execute(f\"SELECT * FROM t WHERE a IN ({', '.join(names)})\")",
    'conn.execute(f"SELECT * FROM t WHERE a IN {names}")',
    'conn.execute("SELECT * FROM t WHERE a IN (%s)" % ",".join("?" * len(names)), names)',
    'conn.execute(f"INSERT INTO t ({names}) VALUES (1)")',
    'conn.execute(f"INSERT INTO t VALUES ({names})")',
    'conn.execute(f"INSERT INTO {table} VALUES (?)", (name,))',
    'conn.execute(f"UPDATE t SET {name} = 1")',
    'conn.execute(f"SELECT * FROM t WHERE a = {age} ORDER BY {name}")',
    "conn.execute(f\"SELECT a AS '{name}' FROM t\")",
    "conn.execute(f\"SELECT * FROM t WHERE a > NOW() - INTERVAL '{age} days'\")",
    "conn.execute(f\"SELECT * FROM t WHERE a = '{escape(name)}'\")",
    'conn.execute(f"SELECT * FROM t WHERE a = {age:.2f}")',
    'conn.execute(f"SELECT * FROM t WHERE a = {age}", names)',
    'conn.execute(f"SELECT * FROM t WHERE a = {age} AND b = ?", (*names,))',
    'conn.execute(f"SELECT * FROM t WHERE a = {age}", *names)',
    'conn.executescript(f"SELECT * FROM t WHERE a = {age}")',
    'conn.executemany(f"INSERT INTO t (a, b) VALUES ({age}, ?)", names)',
    'conn.execute("SELECT * FROM t WHERE a = %s AND b = %s" % names)',
    'conn.execute("SELECT * FROM t WHERE a = %5d" % age)',
    'conn.execute("SELECT * FROM t WHERE a = {} AND b = {}".format(*names))',
    'conn.execute("SELECT * FROM t WHERE a = {0.x}".format(name))',
    'conn.execute("SELECT * FROM " + table + " WHERE a = \'" + name + "\'")',
    'conn.execute(f"SELECT * FROM t WHERE a = {age=}")',
    'q = f"SELECT * FROM t WHERE a = {age}"\n    q += " LIMIT 1"\n    return conn.execute(q)',
    'q = f"SELECT * FROM t WHERE a = {age}"\n    print(q)\n    return conn.execute(q)',
    'q = f"SELECT * FROM t WHERE a = {age}"\n    age = 5\n    return conn.execute(q)',
    'q = f"SELECT * FROM t WHERE a = {age()}"\n    return conn.execute(q)',
    'q = f"SELECT * FROM t WHERE a = {age}"\n    for age in names:\n        conn.execute(q)',
    'conn.execute(sql=f"SELECT * FROM t WHERE a = {age}")',
    'return f"SELECT * FROM t WHERE a = {age}"',
    'pandas.read_sql(f"SELECT * FROM t WHERE a = {age}", conn)',
    'conn.execute(f"SELECT * FROM \\"{name}\\" WHERE a = 1")',
    'conn.execute(f"SELECT * FROM t WHERE `{name}` = 1")',
    'conn.execute(f"SELECT * FROM t JOIN u ON t.a = {name} WHERE t.b = 1")',
    'conn.execute(f"SELECT * FROM t WHERE a = {sort_column}")',
    'conn.execute(f"UPDATE t SET a = {expression} WHERE b = 1")',
    "conn.execute(f\"SELECT * FROM t WHERE a = ''{name}''\")",
    "conn.execute(f\"SELECT * FROM t WHERE a LIKE '%{escape(name)}%'\")",
    'conn.execute("SELECT \ue001 FROM t WHERE a = " + age)',
    "conn.execute(\"SELECT * FROM t WHERE b = '%(b)s'\" % {**names})",
    'conn.execute(f"SELECT * FROM t WHERE a LIKE \'{name!r}%\' AND b = \\"{age}\\"", [*names])',
    'conn.execute(f"SELECT * FROM t WHERE a = :a AND b = {age}", dict(a=5))',
    'q = w = f"SELECT * FROM t WHERE a = {age}"\n    return conn.execute(q)',
    'q = f"SELECT * FROM t WHERE a = {age}"\n    return list(q)',
    'q = f"SELECT * FROM t WHERE a = {age}"\n    return q + conn',
    'conn.execute(f"SELECT * FROM t -- {name}\\n WHERE a = 1")',
]


@pytest.mark.parametrize("code", DECLINED)
def test_what_is_no_value_is_only_explained(check_declined, code):
    fixes = check_declined(f"{SQLITE}{code}\n", "S608")
    assert "ORDER BY" in fixes[0].note


@pytest.mark.parametrize(
    "text",
    [
        'def f(cur, a):\n    cur.execute(f"SELECT * FROM t WHERE a = {a}")\n',
        'import sqlite3\nimport psycopg2\n\ndef f(cur, a):\n    cur.execute(f"SELECT * FROM t WHERE a = {a}")\n',
        'from sqlalchemy import text\n\ndef f(engine, a):\n    engine.execute(f"SELECT * FROM t WHERE a = {a}")\n',
    ],
)
def test_an_unknown_driver_is_only_explained(check_declined, text):
    check_declined(text, "S608")
