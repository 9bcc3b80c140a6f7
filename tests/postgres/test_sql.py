"""The unit tests that have to hold on either engine, on PostgreSQL."""

import os
import re
import subprocess

import boxoffice
from postgres import Postgres


def unit_test_on(postgres, program):
    """Runs a cmocka program with a fresh database; every test of it passed, none was skipped."""
    path = os.path.join(boxoffice.ROOT, "build", "tests", "unit", program)
    done = subprocess.run([path], text=True, capture_output=True, timeout=120, check=False,
                          env={**os.environ, "TEST_POSTGRES": postgres.new_database(),
                               "CMOCKA_MESSAGE_OUTPUT": "TAP"})
    results = re.findall(r"^(ok|not ok)\b", done.stdout, re.MULTILINE)
    assert done.returncode == 0 and results and set(results) == {"ok"}, done.stdout + done.stderr


def test_postgresql_keeps_what_the_sql_header_promises():
    with Postgres() as postgres:
        unit_test_on(postgres, "sql/test_sql")
