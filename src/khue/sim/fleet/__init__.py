"""A made-up fleet: the cameras of a whole city, the books its agencies keep about them, and nodes that report on them."""
