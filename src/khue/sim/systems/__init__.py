"""The recorders and programs that stand in agencies' rooms already, as far as somebody who moves away from them meets them."""
