"""Face parsing: which region of a face each pixel shows, and what stands before the face.

May import the plain modules of `faceloom.faces` and what they may import.
"""
