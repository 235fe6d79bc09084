"""Everything of a source besides its frames: sound, subtitles, chapters, tags, timecode.

`plan_streams` decides before the work what becomes of each stream; `StreamCopy` carries it out.
"""
