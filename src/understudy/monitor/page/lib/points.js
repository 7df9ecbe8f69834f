// Points and a box on a picture, counted in pixels of the frame from its left and its top.

const REACH = 9; // screen pixels within which a point is meant again

// How many pixels of the frame one of the picture stands for: it is made smaller by whole numbers.
function step(picture, frame) {
  return Math.max(1, Math.round(frame[0] / picture.width));
}

// Where in the frame a place in the pane lies, and how near is near; null beside the picture.
export function pointAt(at, place, picture, frame) {
  const scale = (picture.width * step(picture, frame)) / place[2];
  const [x, y] = [(at[0] - place[0]) * scale, (at[1] - place[1]) * scale];
  if (x < 0 || y < 0 || x > frame[0] || y > frame[1]) return null;
  return { x: Math.round(x * 10) / 10, y: Math.round(y * 10) / 10, near: REACH * scale };
}

// Draw what is marked: filled for the subject, crossed for what is not.
export function paintMarks(pen, place, picture, frame, marks) {
  const scale = place[2] / (picture.width * step(picture, frame));
  pen.lineWidth = 1.5;
  if (marks.box) {
    const [left, top, right, bottom] = marks.box.map((each) => each * scale);
    pen.strokeStyle = "rgba(255,255,255,0.9)";
    pen.strokeRect(place[0] + left, place[1] + top, right - left, bottom - top);
  }
  for (const [x, y, label] of marks.points ?? []) {
    pen.beginPath();
    pen.arc(place[0] + x * scale, place[1] + y * scale, 5, 0, 7);
    pen.fillStyle = label ? "rgb(90,220,120)" : "rgb(235,80,80)";
    pen.fill();
    pen.strokeStyle = "rgba(0,0,0,0.85)";
    pen.stroke();
    if (label) continue;
    pen.beginPath();
    pen.moveTo(place[0] + x * scale - 3, place[1] + y * scale);
    pen.lineTo(place[0] + x * scale + 3, place[1] + y * scale);
    pen.stroke();
  }
}
