import { startBrowser, openPage, signIn } from './support.mjs';
import { awake, plateShown } from './desk.mjs';
import { readFileSync } from 'node:fs';
const url=readFileSync('/tmp/p-office-cases','utf8');
const b=await startBrowser();
for (const path of ['/work','/review']) {
const page=await openPage(b, url+'/?lang=nl');
page.on('response', async r=>{ const u=r.url().replace(url,''); if(u.startsWith('/v1/')) console.log(path, r.status(), r.request().method(), u, u.includes('lease')||r.status()>=400? (r.request().postData()??'')+(await r.text().catch(e=>''+e)).slice(0,400):'')});
page.on('pageerror',e=>console.log('ERR',e));
await signIn(page,'agent1');
await page.waitForSelector('main button.strong, .open');
if (await page.locator('main button.strong').count()) await page.click('main button.strong');
await page.waitForSelector('.open');
await page.goto(`${url}${path}?lang=nl`);
if (path==='/work') { await page.waitForSelector('.work tbody a'); await page.focus('.work tbody a'); await page.keyboard.press('n'); }
await page.waitForSelector('.review button[data-command=reject][aria-disabled=false]',{timeout:6000}).catch(()=>console.log(path,'not awake'));
await page.screenshot({path:'/tmp/p-dbg'+path.slice(1)+'.png'});
await page.context().close();
}
await b.close();
