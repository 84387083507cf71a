"""See run_audit.py."""

from run_audit import run

if __name__ == "__main__":
    run("audit_key")
