"""Every threat on the page names a test that exists; the audit reads what its tools say."""

import json
import re

import pytest

from tests.docs.blocks import ROOT
from tests.proof.audit import advisories


def test_each_line_of_the_threat_model_has_its_test():
    lines = [line for line in (ROOT / "docs/reasons/threats.md").read_text().splitlines() if line.startswith("| ")][1:]
    rows = [line for line in lines if "---" not in line]
    assert len(rows) > 15
    for row in rows:
        path, name = re.search(r"`(tests/\S+\.py)::(\w+)`", row).groups()
        assert f"def {name}(" in (ROOT / path).read_text(), row


def test_an_audit_counts_what_nobody_could_look_at():
    vulnerabilities = [{"id": "CVE-1", "fix_versions": ["2"]}, {"id": "X", "fix_versions": []}]
    report = {"dependencies": [
        {"name": "a", "version": "1", "vulns": vulnerabilities},
        {"name": "b", "version": "1", "vulns": []},
        {"name": "c", "skip_reason": "not found"},
    ]}  # fmt: skip
    known, looked_at, skipped = advisories(json.dumps(report))
    assert (len(known), looked_at, skipped) == (2, 2, 1) and "CVE-1, fixed in 2" in known[0] and "none" in known[1]
    with pytest.raises(ValueError):
        advisories("ERROR: no connection")
