"""What cameras there are: search, lists, map, quota board, measured truth and exports. Reads only what the account sees."""
