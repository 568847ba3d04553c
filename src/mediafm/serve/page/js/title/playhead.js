// Where the title is: the one thing that player, strip, ribbons and matrix share.
//   "time"  the moment has moved        "shot"    another shot is on
//   "go"    somebody wants to be there  "choose"  somebody asked for this very shot
//   "peek"  a moment is pointed at, or none any more

export class Playhead extends EventTarget {
  constructor(shots, duration) {
    super();
    Object.assign(this, { shots, duration, seconds: 0, shot: shots.length ? 0 : -1, peeked: null });
  }

  shotAt(seconds) {
    let [low, high] = [0, this.shots.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.shots[middle].start_s <= seconds) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  be(seconds) {
    this.seconds = seconds;
    const shot = this.shots.length ? this.shotAt(seconds) : -1;
    this.dispatchEvent(new Event("time"));
    if (shot === this.shot) return;
    this.shot = shot;
    this.dispatchEvent(new Event("shot"));
  }

  go(seconds) {
    this.be(Math.min(Math.max(seconds, 0), this.duration));
    this.dispatchEvent(new Event("go"));
  }

  choose(shot) {
    if (!this.shots.length) return;
    const index = Math.min(this.shots.length - 1, Math.max(0, shot));
    this.go(this.shots[index].start_s);
    this.dispatchEvent(new Event("choose"));
  }

  peek(seconds) {
    this.peeked = seconds === null ? null : Math.min(Math.max(seconds, 0), this.duration);
    this.dispatchEvent(new Event("peek"));
  }

  on(names, act) {
    for (const name of names.split(" ")) this.addEventListener(name, act);
  }
}
