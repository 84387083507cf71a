"""See run_sheet.py."""

from run_sheet import run

if __name__ == "__main__":
    run("workbook")
