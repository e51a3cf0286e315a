"""Heat maps: methods, galleries, and grades of what the maps are worth."""
