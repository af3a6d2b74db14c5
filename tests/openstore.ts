import { openStore } from "/tmp/wt/stores12/src/access/stores/stores.ts";
import { rmSync } from "node:fs";
const after=(ms:number,cb:()=>void)=>{const t=setTimeout(cb,ms);return()=>clearTimeout(t)};
rmSync("/tmp/openstore", {recursive:true, force:true});
for (const i of [1,2,3]) { const t=performance.now(); const m=process.memoryUsage().rss;
const s=openStore("sqlite:",{dataDir:"/tmp/openstore",isRequired:true},{after,lost:console.log}); await s.ready; console.log(i,(performance.now()-t).toFixed(2),"ms", ((process.memoryUsage().rss-m)/1e6).toFixed(1),"MB"); await s.keys(); console.log((performance.now()-t).toFixed(2)); await s.close(); }
