"""Train the base model that new runs start from, on rendered people in identical performances.

People of a group of the crowd are filmed in the same performances, so that the exact result of
every swap inside a group is known: the encoder sees one person, the decoder predicts another, and
the target is that person's picture of the same performance.
"""
