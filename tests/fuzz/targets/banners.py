"""See run.py."""

from run import run

if __name__ == "__main__":
    run("banners")
