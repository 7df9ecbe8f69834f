"""What a network is told by knobs of Nuke, where y counts from the bottom, as flags, where it counts from the
top."""


def flags(subject, not_subject, box, height):
    """``subject`` and ``not_subject``: (x, y), ``box``: (x, y, right, top); what is all 0 says nothing."""
    points = [_point(each, label, height) for each, label in ((subject, 1), (not_subject, 0)) if any(each)]
    words = ["--points=" + ";".join(points)] if points else []
    if any(box):
        left, low, right, top = box
        words.append("--box=" + ",".join(_number(each) for each in (left, height - top, right, height - low)))
    return words


def _point(place, label, height):
    return f"{_number(place[0])},{_number(height - place[1])},{label}"


def _number(value):
    return f"{float(value):.10g}"
