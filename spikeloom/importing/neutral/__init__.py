"""The neutral form: float arrays under a network's own names, and its design file without them.

For models that no family is made for: whoever has trained one writes its arrays so.
"""
