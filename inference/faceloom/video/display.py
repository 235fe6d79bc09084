"""Frames as a viewer shows them, and back."""

from dataclasses import replace

from faceloom.video.info import Frame, VideoInfo


def frame_to_upright(frame: Frame, info: VideoInfo) -> Frame:
    """Turn a frame as it was read to how a viewer shows it. Its pixels keep their aspect.

    Args:
        frame: The frame in coded orientation.
        info: The source.
    """
    aspect = info.sample_aspect_ratio
    return replace(
        frame,
        rgb=info.orientation.to_upright(frame.rgb),
        pixel_aspect=1 / aspect if info.orientation.swaps_sides else aspect,
    )


def frame_to_coded(frame: Frame, info: VideoInfo) -> Frame:
    """Turn an upright frame and its changed rectangles back to the coded orientation.

    Args:
        frame: The upright frame.
        info: The source.
    """
    orientation = info.orientation
    rgb = orientation.to_coded(frame.rgb)
    height, width = rgb.shape[:2]
    boxes = tuple(orientation.box_to_coded(box, width, height) for box in frame.changed_boxes)
    before = None if frame.decoded_rgb is None else orientation.to_coded(frame.decoded_rgb)
    return replace(
        frame,
        rgb=rgb,
        changed_boxes=boxes,
        decoded_rgb=before,
        pixel_aspect=info.sample_aspect_ratio,
    )
