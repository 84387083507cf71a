"""See run_migrate.py."""

from run_migrate import run

if __name__ == "__main__":
    run("migrate_text")
