"""The regulation in force: loaded, compared, tested, activated, cited."""
