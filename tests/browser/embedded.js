/* The player without our page's controls, as its header describes. */
import { Player } from './assets/player.js';

window.nalcast = new Player({ host: document.querySelector('#here') });
window.nalcast.start();
