"""Who is in a clip: the search, its portraits in the project, and an extraction for each person."""
