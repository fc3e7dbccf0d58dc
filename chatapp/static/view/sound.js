/** A short sound, off until somebody wants it. It is made here: there is no file to load. */

const KEY = "chatapp.sound";

export const sound = {
  get on() {
    return localStorage.getItem(KEY) === "on";
  },
  set on(wanted) {
    localStorage.setItem(KEY, wanted ? "on" : "off");
    if (wanted) play();
  },
};

export function play() {
  if (!sound.on) return;
  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.setValueAtTime(660, context.currentTime);
  tone.frequency.setValueAtTime(880, context.currentTime + 0.08);
  volume.gain.setValueAtTime(0.08, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.3);
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.3);
  tone.onended = () => context.close();
}
