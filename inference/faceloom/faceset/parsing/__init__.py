"""What the face parsing network finds in the faces of a face set.

May import the plain modules of `faceloom.faceset`.
"""
