"""`make audit`: what is known against the installed dependencies, what a scanner finds in our code, what a build holds.

    python -m tests.proof.audit --sbom sbom.json

pip-audit asks PyPI's advisories about every installed package; where they cannot be reached it says how many packages
nobody has looked at, and the rest goes on. bandit looks for what is at least of medium severity. The bill of materials
is CycloneDX. Ends with 1 for a known vulnerability or a finding.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

SOURCES = ("hil", "radio", "models", "calibration")


def _tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)


def advisories(report: str) -> tuple[list[str], int, int]:
    """(a line for each known vulnerability, packages looked at, packages that were not) of pip-audit's JSON.

    ValueError for a report that is none: nothing was reached.
    """
    packages = json.loads(report)["dependencies"]
    known = [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in {', '.join(fault['fix_versions']) or 'none'}"
        for package in packages
        for fault in package.get("vulns", [])
    ]
    skipped = sum("skip_reason" in package for package in packages)
    return known, len(packages) - skipped, skipped


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sbom", type=Path, default=Path("sbom.json"))
    arguments = parser.parse_args()
    failed = False
    asked = _tool("pip_audit", "--format", "json", "--progress-spinner", "off", "--skip-editable")
    try:
        known, looked_at, skipped = advisories(asked.stdout)
        print(f"pip-audit: {looked_at} packages looked at, {skipped} could not be; {len(known)} known vulnerabilities")
        print("\n".join(known))
        failed |= bool(known)
    except (ValueError, KeyError):
        print(f"pip-audit: its data could not be reached; nothing was looked at. {asked.stderr.strip()[-200:]}")
    found = _tool("bandit", "-q", "-ll", "-r", *SOURCES)
    print(f"bandit: {'nothing' if found.returncode == 0 else 'see below'}\n{found.stdout}".strip())
    failed |= found.returncode != 0
    made = _tool(
        "cyclonedx_py",
        "environment",
        "--pyproject",
        "pyproject.toml",
        "--output-reproducible",
        "-o",
        str(arguments.sbom),
    )
    print(f"bill of materials: {arguments.sbom}" if made.returncode == 0 else made.stderr[-500:])
    return int(failed or made.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
