// From POST /repair-orders to the changed page: 100 orders, one every 250 ms, nothing else going on. Prints p50 and p99.
import { Server, openPage, signInOnPage, startBrowser, isLive } from './tests/support.mjs';

const ORDERS = 100;
const EVERY_MS = 250;
const browser = await startBrowser();
const server = await Server.start();
try {
  await server.furnish();
  const page = await openPage(browser);
  await signInOnPage(page, server.url);
  await isLive(page);
  await page.evaluate(() => {
    window.seen = new Map();
    // The mutation is reported before the next frame is painted; the frame after it shows the change.
    new MutationObserver(() => {
      for (const row of document.querySelectorAll('[data-order]'))
        if (!window.seen.has(row.dataset.order)) window.seen.set(row.dataset.order, Date.now());
    }).observe(document.getElementById('main'), { subtree: true, childList: true });
  });
  const took = [];
  for (let n = 0; n < ORDERS; n++) {
    const began = performance.timeOrigin + performance.now();
    const order = await server.order(`Orden ${n}`);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const seen = await page.evaluate((id) => window.seen.get(id), order.id);
    if (seen === undefined) throw new Error(`order ${n} was not seen within ${EVERY_MS} ms`);
    took.push(seen - began);
  }
  took.sort((a, b) => a - b);
  const quantile = (q) => took[Math.min(ORDERS - 1, Math.ceil(q * ORDERS) - 1)].toFixed(1);
  console.log(`POST /repair-orders to changed page, ${ORDERS} orders: p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, max ${took.at(-1).toFixed(1)} ms`);
} finally {
  await browser.close();
  await server.stop();
}
