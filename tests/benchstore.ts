import { openStore } from "../src/access/stores/stores.ts";
import { usageRow, reservation, account } from "./support/stored.ts";
import { rmSync, statSync } from "node:fs";
import { randomUUID } from "node:crypto";
const after=(ms:number,cb:()=>void)=>{const t=setTimeout(cb,ms);return()=>clearTimeout(t)};
rmSync("/tmp/benchstore", {recursive:true, force:true});
const s=openStore("sqlite:",{dataDir:"/tmp/benchstore",isRequired:true},{after,lost:console.log}); await s.ready;
const N=2000; const A={key:"alice",scope:""};
for (let round=0;round<3;round++){ const t=performance.now(); const c=process.cpuUsage();
 for(let i=0;i<N;i++){ const r=reservation(randomUUID()); await s.transact({accounts:[A],reservations:[]},(v)=>{const a=v.account(A)??account(0);return{accounts:[[A,{...a,running:a.running+1}]],opened:[r],closed:[],result:1}});}
 const u=process.cpuUsage(c); console.log("reserve us", ((performance.now()-t)*1000/N).toFixed(1), "cpu", ((u.user+u.system)/N).toFixed(1)); }
const models=["glm-5.2","claude-opus-4-6","gpt-5.5","gemini-3-pro","kimi-k3"], keys=["alice","bob","carol","dave","eve"];
const start=Date.UTC(2026,9,30); const span=30*86400000; const M=Number(process.argv[2]??200000);
const lags:number[]=[]; let t=performance.now();
for(let i=0;i<M;i+=100){ const t1=performance.now(); await s.append(Array.from({length:100},(_,j)=>{const n=i+j; return usageRow(randomUUID(),{atMs:Math.floor(start+span*n/M), requestId:randomUUID(), session: sess(n), key:keys[n%5]!, modelAsked:models[n%5]!, modelServed: models[n%5]!, streaming:n%3>0, finish:n%50===0?"error:overloaded":"end", inputTokens:1000+n%5000,outputTokens:n%900, cacheReadTokens:n%90000, usd:0.01234*(n%17), credits: 1.5*(n%1000), totalMs:1200.25+n%1000, firstByteMs: 300.5, admissionMs:0.5 })})); lags.push(performance.now()-t1); }
function sess(n:number){ return "00000000-0000-4000-8000-"+String(Math.floor(n/40)).padStart(12,"0"); }
lags.sort((a,b)=>a-b); console.log("append 100: mean ms",((performance.now()-t)/(M/100)).toFixed(2),"p50",lags[Math.floor(lags.length*.5)]!.toFixed(2),"p99",lags[Math.floor(lags.length*.99)]!.toFixed(2), "max", lags.at(-1)!.toFixed(2));
await s.close(); console.log("bytes a row", statSync("/tmp/benchstore/factory-proxy.db").size/M);
const s2=openStore("sqlite:",{dataDir:"/tmp/benchstore",isRequired:true},{after,lost:console.log}); await s2.ready;
const q=async(name:string,x:any)=>{ for(const k of [1,2]){const t=performance.now(); const r=await s2.sums({sinceMs:null,untilMs:null,key:null,session:null,client:null,model:null,zone:"UTC",...x}); console.log(name,k,(performance.now()-t).toFixed(1),"ms",r.length);} };
await q("today by model",{by:["model"],sinceMs:start+span-86400000});
await q("month daily by model",{by:["day","model"]});
await q("daily zone",{by:["day"],zone:"Asia/Shanghai"});
await q("sessions",{by:["session"]});
await q("hours",{by:["hour"],zone:"America/New_York"});
await q("key",{by:["model"],key:"alice"});
await s2.close();
