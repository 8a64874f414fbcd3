/** playRefusal plays two short low tones: a key did not count. Without a sound device nothing happens. */
export function playRefusal(): void {
  try {
    const sound = new AudioContext();
    const volume = sound.createGain();
    volume.gain.value = 0.15;
    volume.connect(sound.destination);
    for (const at of [0, 0.18]) {
      const tone = sound.createOscillator();
      tone.frequency.value = 220;
      tone.connect(volume);
      tone.start(sound.currentTime + at);
      tone.stop(sound.currentTime + at + 0.12);
    }
    setTimeout(() => void sound.close(), 1_000);
  } catch {
    // no sound here; the page says it in words all the same
  }
}
