/* Each snapshot is asked for when the one before it is there, and shown when it is whole. */
function nextStill(count) {
  const image = new Image();
  image.addEventListener('load', () => {
    image.id = 'still';
    document.getElementById('still').replaceWith(image);
    window.stills = count;
    nextStill(count + 1);
  });
  image.src = `snapshot.jpg?${count}`;
}

/* Not before the page is loaded: with an image that never ends it would never be. */
window.addEventListener('load', () => {
  document.getElementById('endless').src = 'stream.mjpg';
  nextStill(1);
});
