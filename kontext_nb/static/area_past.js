// What the area was before. It is kept here and not in the kernel: that may be busy for
// minutes, and of what is drawn meanwhile it hears the last only. A page that is loaded
// anew has none.

const MOST_BACK = 100;

/** Tell whether two areas are the same: each a box, and what is painted. */
function sameArea([box, painted], [other, sheet]) {
  return `${box}` === `${other}` && sameBytes(bytesOf(painted), bytesOf(sheet));
}

/** Return the memory that all views of one area share. */
function areasBefore() {
  const past = [];
  let now;
  let sized; // the picture's size that these mean
  return {
    get any() {
      return past.length > 0;
    },
    /** Take an area, made by whichever side, for the one that is there now. */
    remember(next, size) {
      if (sized !== `${size}`) past.length = 0;
      else if (!sameArea(now, next)) past.push(now);
      if (past.length > MOST_BACK) past.shift();
      [now, sized] = [next, `${size}`];
    },
    back: () => (now = past.pop()),
  };
}
