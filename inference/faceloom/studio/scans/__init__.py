"""What the timeline of a clip shows: the number of faces of each frame, and cuts."""
