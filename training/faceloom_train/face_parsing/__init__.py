"""The recipe of the face parsing network that ships with Faceloom (a maintainer's tool).

It trains on rendered people with exact label pictures:
python -m faceloom_train.face_parsing.train CROWD_FOLDER parser.weights.h5
May import `faceloom` and `backend`; nothing else of the training package imports it. Import from
the modules: some need TensorFlow, which takes seconds to load.
"""
