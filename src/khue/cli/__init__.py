"""Commands people type; each speaks with the product from outside, as anybody could."""
