"""Who there is: agencies in their tree, posts, the people who hold them, named groups of cameras."""
