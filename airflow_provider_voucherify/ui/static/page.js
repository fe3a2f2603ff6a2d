/* Built by `make page` from page/, source af5737c2617c6300781149b7fe158cadd80cbc7b60a9167a0c793ae8e05419f9. With uPlot:

The MIT License (MIT)

Copyright (c) 2022 Leon Sorokin

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE. */
"use strict";(()=>{var $i='.uplot, .uplot *, .uplot *::before, .uplot *::after {box-sizing: border-box;}.uplot {font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Noto Color Emoji";line-height: 1.5;width: min-content;}.u-title {text-align: center;font-size: 18px;font-weight: bold;}.u-wrap {position: relative;user-select: none;}.u-over, .u-under {position: absolute;}.u-under {overflow: hidden;}.uplot canvas {display: block;position: relative;width: 100%;height: 100%;}.u-axis {position: absolute;}.u-legend {font-size: 14px;margin: auto;text-align: center;}.u-inline {display: block;}.u-inline * {display: inline-block;}.u-inline tr {margin-right: 16px;}.u-legend th {font-weight: 600;}.u-legend th > * {vertical-align: middle;display: inline-block;}.u-legend .u-marker {width: 1em;height: 1em;margin-right: 4px;background-clip: padding-box !important;}.u-inline.u-live th::after {content: ":";vertical-align: middle;}.u-inline:not(.u-live) .u-value {display: none;}.u-series > * {padding: 4px;}.u-series th {cursor: pointer;}.u-legend .u-off > * {opacity: 0.3;}.u-select {background: rgba(0,0,0,0.07);position: absolute;pointer-events: none;}.u-cursor-x, .u-cursor-y {position: absolute;left: 0;top: 0;pointer-events: none;will-change: transform;}.u-hz .u-cursor-x, .u-vt .u-cursor-y {height: 100%;border-right: 1px dashed #607D8B;}.u-hz .u-cursor-y, .u-vt .u-cursor-x {width: 100%;border-bottom: 1px dashed #607D8B;}.u-cursor-pt {position: absolute;top: 0;left: 0;border-radius: 50%;border: 0 solid;pointer-events: none;will-change: transform;/*this has to be !important since we set inline "background" shorthand */background-clip: padding-box !important;}.u-axis.u-off, .u-select.u-off, .u-cursor-x.u-off, .u-cursor-y.u-off, .u-cursor-pt.u-off {display: none;}';var hl=new Int32Array(0);function ml(t,e,s,n){let l=t;return e>=l.length&&(l=new Int32Array(Math.max(n,e+1)),l.set(t)),l[e]=(l[e]??0)+s,l}var Bt=class{segments=[];runs=[];numberOfSegment=new Map;byId=new Map;isSorted=!0;add(e){let s=this.byId.get(e.runId);s===void 0&&(s={id:e.runId,date:e.date,states:[],strategies:[],numbers:null,sizes:hl,entered:hl,left:hl},this.byId.set(e.runId,s),this.runs.push(s),this.isSorted=!1),e.summary===null?s.states.push(e.state):this.addSummary(s,e.summary)}ordered(){return this.isSorted||this.runs.sort((e,s)=>e.date-s.date||(e.id<s.id?-1:1)),this.isSorted=!0,this.runs}lastTold(){return this.ordered().findLast(e=>e.numbers!==null)}toldBefore(e){let s=this.ordered();for(let n=s.indexOf(e)-1;n>=0;n--)if(s[n]?.numbers)return s[n]}get tellsMoves(){return this.runs.some(e=>e.numbers!==null&&"entered"in e.numbers)}addSummary(e,s){let n=e.numbers??={};for(let[a,o]of Object.entries(s.numbers))n[a]=(n[a]??0)+o;s.strategy!==null&&!e.strategies.includes(s.strategy)&&e.strategies.push(s.strategy);let l=Math.max(this.segments.length,s.perSegment.length);for(let[a,o,c,p,f]of s.perSegment){let b=this.number(a,o);e.sizes=ml(e.sizes,b,c,l),p!==null&&(e.entered=ml(e.entered,b,p,l)),f!==null&&(e.left=ml(e.left,b,f,l))}}find(e){return this.numberOfSegment.get(e)}number(e,s){let n=this.find(e);return n===void 0&&(n=this.segments.length,this.numberOfSegment.set(e,n),this.segments.push({id:e,name:s})),n}};function ln(t,e){return t?.numbers?t.sizes[e]??0:null}function fe(t,e){return t?.numbers?.[e]??null}var Sa=["customers","found","no_segment","unknown","failed","memberships","entered","left","planned_calls","calls","rejected","retried","deferrals","waits","waited_seconds","duration_seconds","published","published_before","no_voucher"];function Fi(t){return typeof t=="object"&&t!==null&&!Array.isArray(t)}function sn(t){return typeof t=="number"&&Number.isFinite(t)?t:null}function ws(t,e=null){if(!Fi(t)||!("calls"in t))return null;let s={};for(let l of Sa){let a=sn(t[l]);a!==null&&(s[l]=a)}let n=[];if(Array.isArray(t.per_segment))for(let l of t.per_segment){let a=e===null?_a(l):Ta(l,e);a!==null&&n.push(a)}return{strategy:typeof t.strategy=="string"?t.strategy:null,numbers:s,perSegment:n}}function _a(t){if(!Fi(t)||typeof t.segment_id!="string")return null;let e=typeof t.segment_name=="string"&&t.segment_name!==""?t.segment_name:t.segment_id;return[t.segment_id,e,sn(t.customers)??0,sn(t.entered),sn(t.left)]}function Ta(t,e){if(!Array.isArray(t))return null;let s=e[t[0]];return s===void 0?null:[s[0],s[1],sn(t[1])??0,sn(t[2]),sn(t[3])]}var Rt=class extends Error{constructor(s,n){super(`${n}: ${s}`);this.status=s;this.what=n}status;what;get words(){switch(this.status){case 0:return["Airflow cannot be reached","The network or the API server is down. Try again in a moment."];case 401:return["You are not logged in any more","Log in to Airflow again, then reload this page."];case 403:return["You may not see this",`Airflow does not let you read ${this.what}, and this page shows nothing that you may not read. Ask whoever runs this Airflow for the right to read it.`];case 404:return["It is not there",`Airflow does not know ${this.what}: it may have been deleted.`];default:return["Airflow has a problem",`Asked for ${this.what}, it answered ${this.status}. Try again in a moment.`]}}};var Aa=6,Ni=100,Ma=500,Ea=2e3,Hi={CustomerSegmentsOperator:"pull",PublishVouchersOperator:"publish"},Ra={"airflow_provider_voucherify.operators.customer_segments":"pull","airflow_provider_voucherify.operators.publish_vouchers":"publish"};function Vi(t,e){let s=t[e];return Array.isArray(s)?s:[]}var nt=t=>typeof t=="string"?t:"";function Ca(t){if(typeof t!="string")return t;try{return JSON.parse(t)}catch{return null}}function La(t){return Date.parse(nt(t.logical_date)||nt(t.run_after)||nt(t.start_date))||0}var gl=(t,e,s)=>`dags/${encodeURIComponent(t)}/dagRuns/${encodeURIComponent(e)}/taskInstances/${encodeURIComponent(s)}`,vs=class{constructor(e){this.place=e}place;summaries=new Map;async tasks(){let{dagId:e,taskId:s}=this.place;if(e===void 0)return this.tasksOfAll();let n=await this.get(`dags/${encodeURIComponent(e)}/tasks`,`the tasks of ${e}`),l=[];for(let a of Vi(n,"tasks")){let o=nt(a.class_ref?.module_path),c=Hi[nt(a.operator_name)]??Ra[o];c!==void 0&&(s===void 0||s===a.task_id)&&l.push({dagId:e,taskId:nt(a.task_id),kind:c})}return l}async history(e,s,n,l){let a=await this.instances(e,s,l),o=a.map(w=>({runId:nt(w.dag_run_id),mapIndex:Number(w.map_index??-1),mapLabel:nt(w.rendered_map_index),date:La(w),state:nt(w.state)||"none",summary:null}));o.forEach(n);let c=o.filter(w=>w.state==="success");if(c.length===0)return;let p=await this.summariesApart(e,o,l),f=new Map(a.map(w=>[`${w.dag_run_id}\0${w.map_index}`,nt(w.end_date)])),b=c.values(),g=async()=>{for(let w of b){let E=`${w.runId}\0${w.mapIndex}`,L=await this.value(e,w,p.has(E)?"summary":"return_value",f.get(E)??"",l);l.throwIfAborted();let D=ws(L);D!==null&&n({...w,summary:D})}};await Promise.all(Array.from({length:Aa},g))}runAddress(e,s){let n=`dags/${encodeURIComponent(e.dagId)}/runs/${encodeURIComponent(s)}/tasks/${encodeURIComponent(e.taskId)}`;return new URL(n,document.baseURI).href}async tasksOfAll(){let e=new Map;for(let[s,n]of Object.entries(Hi)){let l=`operator=${s}&order_by=-run_after`,a="dags/~/dagRuns/~/taskInstances";for await(let o of this.paged(a,l,"task_instances",Ma,"task instances")){if(o.operator_name!==s&&o.operator!==s)continue;let c={dagId:nt(o.dag_id),taskId:nt(o.task_id),kind:n};e.set(`${c.dagId}\0${c.taskId}`,c)}}return[...e.values()]}async instances(e,s,n){let l=gl(e.dagId,"~","").replace(/\/$/,""),a=`task_id=${encodeURIComponent(e.taskId)}&order_by=-run_after`,o=new Map,c=new Set,p=`the task instances of ${e.dagId}`;for await(let f of this.paged(l,a,"task_instances",Number.POSITIVE_INFINITY,p,n))if(f.task_id===e.taskId){if(c.add(f.dag_run_id),c.size>s||o.size>=Ea)break;o.set(`${f.dag_run_id}\0${f.map_index}`,f)}return[...o.values()]}async summariesApart(e,s,n){let l=`${gl(e.dagId,"~",e.taskId)}/xcomEntries`,a=new Set(s.map(f=>f.runId)),o=new Set,c="xcom_key=summary&order_by=-timestamp",p=Math.max(2*s.length,Ni);for await(let f of this.paged(l,c,"xcom_entries",p,`the XComs of ${e.dagId}`,n))f.key==="summary"&&a.has(nt(f.run_id))&&o.add(`${f.run_id}\0${f.map_index}`);return o}value(e,s,n,l,a){let o=`${gl(e.dagId,s.runId,e.taskId)}/xcomEntries/${n}?map_index=${s.mapIndex}`,c=`${o}\0${l}`,p=this.summaries.get(c);return p===void 0&&(p=this.get(o,`the XComs of ${e.dagId}`,a).then(f=>Ca(f.value),f=>{if(this.summaries.delete(c),f instanceof Rt&&f.status===404)return null;throw f}),this.summaries.set(c,p)),p}async*paged(e,s,n,l,a,o){for(let c=0;c<l;){let p=await this.get(`${e}?${s}&limit=${Ni}&offset=${c}`,a,o),f=Vi(p,n);if(yield*f,c+=f.length,f.length===0||c>=Number(p.total_entries??0))return}}async get(e,s,n){let l;try{l=await fetch(new URL(`api/v2/${e}`,document.baseURI),{signal:n,headers:{Accept:"application/json"}})}catch(a){throw n?.aborted?a:new Rt(0,s)}if(!l.ok)throw new Rt(l.status,s);return await l.json()}};function Wi(t,e,s){for(let[n,l]of Object.entries(e))l==null||l===!1||(typeof l=="function"?t.addEventListener(n,l):t.setAttribute(n,l===!0?"":String(l)));for(let n of s)n!=null&&n!==!1&&t.append(n)}function y(t,e={},...s){let n=document.createElement(t);return Wi(n,e,s),n}function Bi(t,e={},...s){let n=document.createElementNS("http://www.w3.org/2000/svg",t);return Wi(n,e,s),n}function Qn(t,e,s){return e===null||!/^https?:/.test(e)?document.createTextNode(t):y("a",{href:e,"aria-label":s},t)}function bl(t,e,s,n){let l=e.map(([a,o,c])=>{let p=()=>{for(let b of l)b.setAttribute("aria-pressed",String(b===f));n(a)},f=y("button",{type:"button","aria-pressed":String(a===s),"aria-label":c,click:p});return f.textContent=o,f});return y("div",{class:"segmented",role:"group","aria-label":t},...l)}function ys(t,e,s){let n=t.filter(b=>b!==null),l=Math.min(...n),a=Math.max(...n)-l,o=e/Math.max(t.length-1,1),c="",p=!1;t.forEach((b,g)=>{if(b===null)p=!1;else{let w=a===0?s/2:s-1.5-(b-l)/a*(s-3);c+=`${p?"L":"M"}${(g*o).toFixed(1)} ${w.toFixed(1)}`,p=!0}});let f={width:e,height:s,viewBox:`0 0 ${e} ${s}`};return Bi("svg",{...f,class:"spark","aria-hidden":"true",preserveAspectRatio:"none"},Bi("path",{d:c}))}function xs(t,e){let s=URL.createObjectURL(new Blob([e],{type:"text/csv;charset=utf-8"})),n=y("a",{href:s,download:t});document.body.append(n),n.click(),n.remove(),setTimeout(()=>URL.revokeObjectURL(s),1e4)}var wl=new Intl.NumberFormat("en-US",{maximumFractionDigits:0}),Pa=new Intl.NumberFormat("en-US",{notation:"compact",maximumFractionDigits:1}),Ui=new Intl.DateTimeFormat("en-GB",{day:"numeric",month:"short",timeZone:"UTC"}),Gi=new Intl.DateTimeFormat("en-GB",{day:"numeric",month:"short",year:"numeric",timeZone:"UTC"}),Ia=new Intl.DateTimeFormat("en-GB",{month:"long",year:"numeric",timeZone:"UTC"}),ji=new Intl.DateTimeFormat("en-GB",{hour:"2-digit",minute:"2-digit",timeZone:"UTC"}),vl="–",we=t=>t===null?vl:wl.format(t),Ut=t=>Math.abs(t)<1e4?wl.format(t):Pa.format(t),yl=t=>Ia.format(t);function rn(t){return t===null?vl:t===0?"±0":`${t>0?"+":"−"}${wl.format(Math.abs(t))}`}function ks(t,e){let s=100*t/e;return s>=10||s===0?`${Math.round(s)} %`:`${s.toPrecision(s<.1?1:2)} %`}function xl(t){if(t===null)return vl;if(t<10)return`${t.toFixed(1)} s`;let e=Math.round(t);if(e<100)return`${e} s`;if(e<6e3)return`${Math.floor(e/60)} min ${e%60} s`;let s=Math.round(e/60);return`${Math.floor(s/60)} h ${s%60} min`}var Wt=class{hasTimes;constructor(e){let s=e.map(n=>Math.floor(n/864e5));this.hasTimes=new Set(s).size<s.length}brief(e){return this.hasTimes?`${Ui.format(e)} ${ji.format(e)}`:Ui.format(e)}full(e){return this.hasTimes?`${Gi.format(e)}, ${ji.format(e)}`:Gi.format(e)}};function za(t){if(t===null)return"";if(typeof t=="number")return String(t);let e=/^[=+\-@\t\r]/.test(t)?`'${t}`:t;return/[",\n\r]/.test(e)?`"${e.replaceAll('"','""')}"`:e}function Ss(t){return`${t.map(e=>e.map(za).join(",")).join(`\r
`)}\r
`}var kl={business:["Business: 100,000 a month",1e5],organization:["Organization: 300,000 a month",3e5]},Yi="voucherify-page-plan";function Sl(){try{return localStorage.getItem(Yi)??"business"}catch{return"business"}}function Oa(t){try{localStorage.setItem(Yi,t)}catch{}}var _s=class{element;words=y("p",{});filled=y("i");plan=y("select",{"aria-label":"Plan of the Voucherify project",change:()=>this.change()});other=y("input",{type:"number",min:1,step:1e3,"aria-label":"Calls a month",hidden:!0,input:()=>this.change()});runs=[];constructor(){let e=Number(Sl());for(let[s,[n]]of Object.entries(kl))this.plan.append(y("option",{value:s},n));this.plan.append(y("option",{value:"other"},"Another number a month")),this.plan.value=e>0?"other":Sl()in kl?Sl():"business",this.other.value=String(e>0?e:1e6),this.element=y("div",{class:"month"},y("div",{},this.words,this.plan,this.other),y("div",{class:"track"},this.filled))}show(e){this.runs=e;let s=e.findLast(o=>o.numbers!==null);if(this.element.hidden=s===void 0,s===void 0)return;let n=yl(s.date),l=e.reduce((o,c)=>o+(yl(c.date)===n?fe(c,"calls")??0:0),0),a=this.plan.value==="other"?Math.max(Number(this.other.value)||0,1):kl[this.plan.value]?.[1]??1;this.other.hidden=this.plan.value!=="other",this.words.replaceChildren(`${n}: `,y("b",{},we(l))," calls in the runs shown, ",y("b",{},ks(l,a))," of the plan"),this.filled.style.width=`${Math.min(100*l/a,100)}%`}change(){Oa(this.plan.value==="other"?this.other.value:this.plan.value),this.show(this.runs)}};var Da="uplot",$a="u-hz",Fa="u-vt",Na="u-title",Ha="u-wrap",Va="u-under",Ba="u-over",Wa="u-axis",un="u-off",Ua="u-select",Ga="u-cursor-x",ja="u-cursor-y",Ya="u-cursor-pt",Ka="u-legend",qa="u-live",Ja="u-inline",Za="u-series",Qa="u-marker",Ki="u-label",Xa="u-value",es="width",ts="height";var qi="bottom",In="left",_l="right",Vl="#000",Ji=Vl+"0",Tl="mousemove",Zi="mousedown",Al="mouseup",Qi="mouseenter",Xi="mouseleave",er="dblclick",eu="resize",tu="scroll",tr="change",Rs="dppxchange",Bl="--",Hn=typeof window<"u",Ll=Hn?document:null,On=Hn?window:null,nu=Hn?navigator:null,re,Ts;function Pl(){let t=devicePixelRatio;re!=t&&(re=t,Ts&&zl(tr,Ts,Pl),Ts=matchMedia(`(min-resolution: ${re-.001}dppx) and (max-resolution: ${re+.001}dppx)`),cn(tr,Ts,Pl),On.dispatchEvent(new CustomEvent(Rs)))}function st(t,e){if(e!=null){let s=t.classList;!s.contains(e)&&s.add(e)}}function Il(t,e){let s=t.classList;s.contains(e)&&s.remove(e)}function ve(t,e,s){t.style[e]=s+"px"}function vt(t,e,s,n){let l=Ll.createElement(t);return e!=null&&st(l,e),s?.insertBefore(l,n),l}function dt(t,e){return vt("div",t,e)}var nr=new WeakMap;function Ct(t,e,s,n,l){let a="translate("+e+"px,"+s+"px)",o=nr.get(t);a!=o&&(t.style.transform=a,nr.set(t,a),e<0||s<0||e>n||s>l?st(t,un):Il(t,un))}var sr=new WeakMap;function lr(t,e,s){let n=e+s,l=sr.get(t);n!=l&&(sr.set(t,n),t.style.background=e,t.style.borderColor=s)}var ir=new WeakMap;function rr(t,e,s,n){let l=e+""+s,a=ir.get(t);l!=a&&(ir.set(t,l),t.style.height=s+"px",t.style.width=e+"px",t.style.marginLeft=n?-e/2+"px":0,t.style.marginTop=n?-s/2+"px":0)}var Wl={passive:!0},su={...Wl,capture:!0};function cn(t,e,s,n){e.addEventListener(t,s,n?su:Wl)}function zl(t,e,s,n){e.removeEventListener(t,s,Wl)}Hn&&Pl();function yt(t,e,s,n){let l;s=s||0,n=n||e.length-1;let a=n<=2147483647;for(;n-s>1;)l=a?s+n>>1:lt((s+n)/2),e[l]<t?s=l:n=l;return t-e[s]<=e[n]-t?s:n}function zr(t){return(s,n,l)=>{let a=-1,o=-1;for(let c=n;c<=l;c++)if(t(s[c])){a=c;break}for(let c=l;c>=n;c--)if(t(s[c])){o=c;break}return[a,o]}}var Or=t=>t!=null,Dr=t=>t!=null&&t>0,Ps=zr(Or),lu=zr(Dr);function iu(t,e,s,n=0,l=!1){let a=l?lu:Ps,o=l?Dr:Or;[e,s]=a(t,e,s);let c=t[e],p=t[e];if(e>-1)if(n==1)c=t[e],p=t[s];else if(n==-1)c=t[s],p=t[e];else for(let f=e;f<=s;f++){let b=t[f];o(b)&&(b<c?c=b:b>p&&(p=b))}return[c??de,p??-de]}function Is(t,e,s,n){let l=ur(t),a=ur(e);t==e&&(l==-1?(t*=s,e/=s):(t/=s,e*=s));let o=s==10?zt:$r,c=l==1?lt:pt,p=a==1?pt:lt,f=c(o(Le(t))),b=p(o(Le(e))),g=Dn(s,f),w=Dn(s,b);return s==10&&(f<0&&(g=pe(g,-f)),b<0&&(w=pe(w,-b))),n||s==2?(t=g*l,e=w*a):(t=Vr(t,g),e=zs(e,w)),[t,e]}function Ul(t,e,s,n){let l=Is(t,e,s,n);return t==0&&(l[0]=0),e==0&&(l[1]=0),l}var Gl=.1,or={mode:3,pad:Gl},ss={pad:0,soft:null,mode:0},ru={min:ss,max:ss};function Cs(t,e,s,n){return Os(s)?ar(t,e,s):(ss.pad=s,ss.soft=n?0:null,ss.mode=n?3:0,ar(t,e,ru))}function le(t,e){return t??e}function ou(t,e,s){for(e=le(e,0),s=le(s,t.length-1);e<=s;){if(t[e]!=null)return!0;e++}return!1}function ar(t,e,s){let n=s.min,l=s.max,a=le(n.pad,0),o=le(l.pad,0),c=le(n.hard,-de),p=le(l.hard,de),f=le(n.soft,de),b=le(l.soft,-de),g=le(n.mode,0),w=le(l.mode,0),E=e-t,L=zt(E),D=Ye(Le(t),Le(e)),H=zt(D),B=Le(H-L);(E<1e-24||B>10)&&(E=0,(t==0||e==0)&&(E=1e-24,g==2&&f!=de&&(a=0),w==2&&b!=-de&&(o=0)));let S=E||D||1e3,N=zt(S),_=Dn(10,lt(N)),q=S*(E==0?t==0?.1:1:a),P=pe(Vr(t-q,_/10),24),J=t>=f&&(g==1||g==3&&P<=f||g==2&&P>=f)?f:de,j=Ye(c,P<J&&t>=J?J:xt(J,P)),X=S*(E==0?e==0?.1:1:o),G=pe(zs(e+X,_/10),24),T=e<=b&&(w==1||w==3&&G>=b||w==2&&G<=b)?b:-de,K=xt(p,G>T&&e<=T?T:Ye(T,G));return j==K&&j==0&&(K=100),[j,K]}var au=new Intl.NumberFormat(Hn?nu.language:"en-US"),jl=t=>au.format(t),it=Math,Es=it.PI,Le=it.abs,lt=it.floor,Ce=it.round,pt=it.ceil,xt=it.min,Ye=it.max,Dn=it.pow,ur=it.sign,zt=it.log10,$r=it.log2,uu=(t,e=1)=>it.sinh(t)*e,Ml=(t,e=1)=>it.asinh(t/e),de=1/0;function cr(t){return(zt((t^t>>31)-(t>>31))|0)+1}function Ol(t,e,s){return xt(Ye(t,e),s)}function Fr(t){return typeof t=="function"}function ee(t){return Fr(t)?t:()=>t}var cu=()=>{},Nr=t=>t,Hr=(t,e)=>e,fu=t=>null,fr=t=>!0,dr=(t,e)=>t==e,du=/\.\d*?(?=9{6,}|0{6,})/gm,fn=t=>{if(Wr(t)||jt.has(t))return t;let e=`${t}`,s=e.match(du);if(s==null)return t;let n=s[0].length-1;if(e.indexOf("e-")!=-1){let[l,a]=e.split("e");return+`${fn(l)}e${a}`}return pe(t,n)};function on(t,e){return fn(pe(fn(t/e))*e)}function zs(t,e){return fn(pt(fn(t/e))*e)}function Vr(t,e){return fn(lt(fn(t/e))*e)}function pe(t,e=0){if(Wr(t))return t;let s=10**e,n=t*s*(1+Number.EPSILON);return Ce(n)/s}var jt=new Map;function Br(t){return((""+t).split(".")[1]||"").length}function is(t,e,s,n){let l=[],a=n.map(Br);for(let o=e;o<s;o++){let c=Le(o),p=pe(Dn(t,o),c);for(let f=0;f<n.length;f++){let b=t==10?+`${n[f]}e${o}`:n[f]*p,g=(o>=0?0:c)+(o>=a[f]?0:a[f]),w=t==10?b:pe(b,g);l.push(w),jt.set(w,g)}}return l}var ls={},Yl=[],$n=[null,null],Gt=Array.isArray,Wr=Number.isInteger,pu=t=>t===void 0;function pr(t){return typeof t=="string"}function Os(t){let e=!1;if(t!=null){let s=t.constructor;e=s==null||s==Object}return e}function hu(t){return t!=null&&typeof t=="object"}var mu=Object.getPrototypeOf(Uint8Array),Ur="__proto__";function Fn(t,e=Os){let s;if(Gt(t)){let n=t.find(l=>l!=null);if(Gt(n)||e(n)){s=Array(t.length);for(let l=0;l<t.length;l++)s[l]=Fn(t[l],e)}else s=t.slice()}else if(t instanceof mu)s=t.slice();else if(e(t)){s={};for(let n in t)n!=Ur&&(s[n]=Fn(t[n],e))}else s=t;return s}function Me(t){let e=arguments;for(let s=1;s<e.length;s++){let n=e[s];for(let l in n)l!=Ur&&(Os(t[l])?Me(t[l],Fn(n[l])):t[l]=Fn(n[l]))}return t}var gu=0,bu=1,wu=2;function vu(t,e,s){for(let n=0,l,a=-1;n<e.length;n++){let o=e[n];if(o>a){for(l=o-1;l>=0&&t[l]==null;)t[l--]=null;for(l=o+1;l<s&&t[l]==null;)t[a=l++]=null}}}function yu(t,e){if(Su(t)){let o=t[0].slice();for(let c=1;c<t.length;c++)o.push(...t[c].slice(1));return _u(o[0])||(o=ku(o)),o}let s=new Set;for(let o=0;o<t.length;o++){let p=t[o][0],f=p.length;for(let b=0;b<f;b++)s.add(p[b])}let n=[Array.from(s).sort((o,c)=>o-c)],l=n[0].length,a=new Map;for(let o=0;o<l;o++)a.set(n[0][o],o);for(let o=0;o<t.length;o++){let c=t[o],p=c[0];for(let f=1;f<c.length;f++){let b=c[f],g=Array(l).fill(void 0),w=e?e[o][f]:bu,E=[];for(let L=0;L<b.length;L++){let D=b[L],H=a.get(p[L]);D===null?w!=gu&&(g[H]=D,w==wu&&E.push(H)):g[H]=D}vu(g,E,l),n.push(g)}}return n}var xu=typeof queueMicrotask>"u"?t=>Promise.resolve().then(t):queueMicrotask;function ku(t){let e=t[0],s=e.length,n=Array(s);for(let a=0;a<n.length;a++)n[a]=a;n.sort((a,o)=>e[a]-e[o]);let l=[];for(let a=0;a<t.length;a++){let o=t[a],c=Array(s);for(let p=0;p<s;p++)c[p]=o[n[p]];l.push(c)}return l}function Su(t){let e=t[0][0],s=e.length;for(let n=1;n<t.length;n++){let l=t[n][0];if(l.length!=s)return!1;if(l!=e){for(let a=0;a<s;a++)if(l[a]!=e[a])return!1}}return!0}function _u(t,e=100){let s=t.length;if(s<=1)return!0;let n=0,l=s-1;for(;n<=l&&t[n]==null;)n++;for(;l>=n&&t[l]==null;)l--;if(l<=n)return!0;let a=Ye(1,lt((l-n+1)/e));for(let o=t[n],c=n+a;c<=l;c+=a){let p=t[c];if(p!=null){if(p<=o)return!1;o=p}}return!0}var Gr=["January","February","March","April","May","June","July","August","September","October","November","December"],jr=["Sunday","Monday","Tuesday","Wednesday","Thursday","Friday","Saturday"];function Yr(t){return t.slice(0,3)}var Tu=jr.map(Yr),Au=Gr.map(Yr),Mu={MMMM:Gr,MMM:Au,WWWW:jr,WWW:Tu};function Xn(t){return(t<10?"0":"")+t}function Eu(t){return(t<10?"00":t<100?"0":"")+t}var Ru={YYYY:t=>t.getFullYear(),YY:t=>(t.getFullYear()+"").slice(2),MMMM:(t,e)=>e.MMMM[t.getMonth()],MMM:(t,e)=>e.MMM[t.getMonth()],MM:t=>Xn(t.getMonth()+1),M:t=>t.getMonth()+1,DD:t=>Xn(t.getDate()),D:t=>t.getDate(),WWWW:(t,e)=>e.WWWW[t.getDay()],WWW:(t,e)=>e.WWW[t.getDay()],HH:t=>Xn(t.getHours()),H:t=>t.getHours(),h:t=>{let e=t.getHours();return e==0?12:e>12?e-12:e},AA:t=>t.getHours()>=12?"PM":"AM",aa:t=>t.getHours()>=12?"pm":"am",a:t=>t.getHours()>=12?"p":"a",mm:t=>Xn(t.getMinutes()),m:t=>t.getMinutes(),ss:t=>Xn(t.getSeconds()),s:t=>t.getSeconds(),fff:t=>Eu(t.getMilliseconds())};function Kl(t,e){e=e||Mu;let s=[],n=/\{([a-z]+)\}|[^{]+/gi,l;for(;l=n.exec(t);)s.push(l[0][0]=="{"?Ru[l[1]]:l[0]);return a=>{let o="";for(let c=0;c<s.length;c++)o+=typeof s[c]=="string"?s[c]:s[c](a,e);return o}}var Cu=new Intl.DateTimeFormat().resolvedOptions().timeZone;function Lu(t,e){let s;return e=="UTC"||e=="Etc/UTC"?s=new Date(+t+t.getTimezoneOffset()*6e4):e==Cu?s=t:(s=new Date(t.toLocaleString("en-US",{timeZone:e})),s.setMilliseconds(t.getMilliseconds())),s}var Kr=t=>t%1==0,Ls=[1,2,2.5,5],Pu=is(10,-32,0,Ls),qr=is(10,0,32,Ls),Iu=qr.filter(Kr),an=Pu.concat(qr),ql=`
`,Jr="{YYYY}",hr=ql+Jr,Zr="{M}/{D}",ns=ql+Zr,As=ns+"/{YY}",Qr="{aa}",zu="{h}:{mm}",zn=zu+Qr,mr=ql+zn,gr=":{ss}",ae=null;function Xr(t){let e=t*1e3,s=e*60,n=s*60,l=n*24,a=l*30,o=l*365,p=(t==1?is(10,0,3,Ls).filter(Kr):is(10,-3,0,Ls)).concat([e,e*5,e*10,e*15,e*30,s,s*5,s*10,s*15,s*30,n,n*2,n*3,n*4,n*6,n*8,n*12,l,l*2,l*3,l*4,l*5,l*6,l*7,l*8,l*9,l*10,l*15,a,a*2,a*3,a*4,a*6,o,o*2,o*5,o*10,o*25,o*50,o*100]),f=[[o,Jr,ae,ae,ae,ae,ae,ae,1],[l*28,"{MMM}",hr,ae,ae,ae,ae,ae,1],[l,Zr,hr,ae,ae,ae,ae,ae,1],[n,"{h}"+Qr,As,ae,ns,ae,ae,ae,1],[s,zn,As,ae,ns,ae,ae,ae,1],[e,gr,As+" "+zn,ae,ns+" "+zn,ae,mr,ae,1],[t,gr+".{fff}",As+" "+zn,ae,ns+" "+zn,ae,mr,ae,1]];function b(g){return(w,E,L,D,H,B)=>{let S=[],N=H>=o,_=H>=a&&H<o,q=g(L),P=pe(q*t,3),J=El(q.getFullYear(),N?0:q.getMonth(),_||N?1:q.getDate()),j=pe(J*t,3);if(_||N){let X=_?H/a:0,G=N?H/o:0,T=P==j?P:pe(El(J.getFullYear()+G,J.getMonth()+X,1)*t,3),K=new Date(Ce(T/t)),I=K.getFullYear(),W=K.getMonth();for(let F=0;T<=D;F++){let te=El(I+G*F,W+X*F,1),$=te-g(pe(te*t,3));T=pe((+te+$)*t,3),T<=D&&S.push(T)}}else{let X=H>=l?l:H,G=lt(L)-lt(P),T=j+G+zs(P-j,X);S.push(T);let K=g(T),I=K.getHours()+K.getMinutes()/s+K.getSeconds()/n,W=H/n,F=w.axes[E]._space,te=B/F;for(;T=pe(T+H,t==1?0:3),!(T>D);)if(W>1){let $=lt(pe(I+W,6))%24,ne=g(T).getHours()-$;ne>1&&(ne=-1),T-=ne*n,I=(I+W)%24;let ue=S[S.length-1];pe((T-ue)/H,3)*te>=.7&&S.push(T)}else S.push(T)}return S}}return[p,f,b]}var[Ou,Du,$u]=Xr(1),[Fu,Nu,Hu]=Xr(.001);is(2,-53,53,[1]);function br(t,e){return t.map(s=>s.map((n,l)=>l==0||l==8||n==null?n:e(l==1||s[8]==0?n:s[1]+n)))}function wr(t,e){return(s,n,l,a,o)=>{let c=e.find(L=>o>=L[0])||e[e.length-1],p,f,b,g,w,E;return n.map(L=>{let D=t(L),H=D.getFullYear(),B=D.getMonth(),S=D.getDate(),N=D.getHours(),_=D.getMinutes(),q=D.getSeconds(),P=H!=p&&c[2]||B!=f&&c[3]||S!=b&&c[4]||N!=g&&c[5]||_!=w&&c[6]||q!=E&&c[7]||c[1];return p=H,f=B,b=S,g=N,w=_,E=q,P(D)})}}function Vu(t,e){let s=Kl(e);return(n,l,a,o,c)=>l.map(p=>s(t(p)))}function El(t,e,s){return new Date(t,e,s)}function vr(t,e){return e(t)}var Bu="{YYYY}-{MM}-{DD} {h}:{mm}{aa}";function yr(t,e){return(s,n,l,a)=>a==null?Bl:e(t(n))}function Wu(t,e){let s=t.series[e];return s.width?s.stroke(t,e):s.points.width?s.points.stroke(t,e):null}function Uu(t,e){return t.series[e].fill(t,e)}var Gu={show:!0,live:!0,isolate:!1,mount:cu,markers:{show:!0,width:2,stroke:Wu,fill:Uu,dash:"solid"},idx:null,idxs:null,values:[]};function ju(t,e){let s=t.cursor.points,n=dt(),l=s.size(t,e);ve(n,es,l),ve(n,ts,l);let a=l/-2;ve(n,"marginLeft",a),ve(n,"marginTop",a);let o=s.width(t,e,l);return o&&ve(n,"borderWidth",o),n}function Yu(t,e){let s=t.series[e].points;return s._fill||s._stroke}function Ku(t,e){let s=t.series[e].points;return s._stroke||s._fill}function qu(t,e){return t.series[e].points.size}var Rl=[0,0];function Ju(t,e,s){return Rl[0]=e,Rl[1]=s,Rl}function Ms(t,e,s,n=!0){return l=>{l.button==0&&(!n||l.target==e)&&s(l)}}function Cl(t,e,s,n=!0){return l=>{(!n||l.target==e)&&s(l)}}var Zu={show:!0,x:!0,y:!0,lock:!1,move:Ju,points:{one:!1,show:ju,size:qu,width:0,stroke:Ku,fill:Yu},bind:{mousedown:Ms,mouseup:Ms,click:Ms,dblclick:Ms,mousemove:Cl,mouseleave:Cl,mouseenter:Cl},drag:{setScale:!0,x:!0,y:!1,dist:0,uni:null,click:(t,e)=>{e.stopPropagation(),e.stopImmediatePropagation()},_x:!1,_y:!1},focus:{dist:(t,e,s,n,l)=>n-l,prox:-1,bias:0},hover:{skip:[void 0],prox:null,bias:0},left:-10,top:-10,idx:null,dataIdx:null,idxs:null,event:null},eo={show:!0,stroke:"rgba(0,0,0,0.07)",width:2},Jl=Me({},eo,{filter:Hr}),to=Me({},Jl,{size:10}),no=Me({},eo,{show:!1}),Zl='12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Noto Color Emoji"',so="bold "+Zl,lo=1.5,xr={show:!0,scale:"x",stroke:Vl,space:50,gap:5,alignTo:1,size:50,labelGap:0,labelSize:30,labelFont:so,side:2,grid:Jl,ticks:to,border:no,font:Zl,lineGap:lo,rotate:0},Qu="Value",Xu="Time",kr={show:!0,scale:"x",auto:!1,sorted:1,min:de,max:-de,idxs:[]};function ec(t,e,s,n,l){return e.map(a=>a==null?"":jl(a))}function tc(t,e,s,n,l,a,o){let c=[],p=jt.get(l)||0;s=o?s:pe(zs(s,l),p);for(let f=s;f<=n;f=pe(f+l,p))c.push(Object.is(f,-0)?0:f);return c}function Dl(t,e,s,n,l,a,o){let c=[],p=t.scales[t.axes[e].scale].log,f=p==10?zt:$r,b=lt(f(s));l=Dn(p,b),p==10&&(l=an[yt(l,an)]);let g=s,w=l*p;p==10&&(w=an[yt(w,an)]);do c.push(g),g=g+l,p==10&&!jt.has(g)&&(g=pe(g,jt.get(l))),g>=w&&(l=g,w=l*p,p==10&&(w=an[yt(w,an)]));while(g<=n);return c}function nc(t,e,s,n,l,a,o){let p=t.scales[t.axes[e].scale].asinh,f=n>p?Dl(t,e,Ye(p,s),n,l):[p],b=n>=0&&s<=0?[0]:[];return(s<-p?Dl(t,e,Ye(p,-n),-s,l):[p]).reverse().map(w=>-w).concat(b,f)}var io=/./,sc=/[12357]/,lc=/[125]/,Sr=/1/,$l=(t,e,s,n)=>t.map((l,a)=>e==4&&l==0||a%n==0&&s.test(l.toExponential()[l<0?1:0])?l:null);function ic(t,e,s,n,l){let a=t.axes[s],o=a.scale,c=t.scales[o],p=t.valToPos,f=a._space,b=p(10,o),g=p(9,o)-b>=f?io:p(7,o)-b>=f?sc:p(5,o)-b>=f?lc:Sr;if(g==Sr){let w=Le(p(1,o)-b);if(w<f)return $l(e.slice().reverse(),c.distr,g,pt(f/w)).reverse()}return $l(e,c.distr,g,1)}function rc(t,e,s,n,l){let a=t.axes[s],o=a.scale,c=a._space,p=t.valToPos,f=Le(p(1,o)-p(2,o));return f<c?$l(e.slice().reverse(),3,io,pt(c/f)).reverse():e}function oc(t,e,s,n){return n==null?Bl:e==null?"":jl(e)}var _r={show:!0,scale:"y",stroke:Vl,space:30,gap:5,alignTo:1,size:50,labelGap:0,labelSize:30,labelFont:so,side:3,grid:Jl,ticks:to,border:no,font:Zl,lineGap:lo,rotate:0};function ac(t,e){let s=3+(t||1)*2;return pe(s*e,3)}function uc(t,e){let{scale:s,idxs:n}=t.series[0],l=t._data[0],a=t.valToPos(l[n[0]],s,!0),o=t.valToPos(l[n[1]],s,!0),c=Le(o-a),p=t.series[e],f=c/(p.points.space*re);return n[1]-n[0]<=f}var Tr={scale:null,auto:!0,sorted:0,min:de,max:-de},ro=(t,e,s,n,l)=>l,Ar={show:!0,auto:!0,sorted:0,gaps:ro,alpha:1,facets:[Me({},Tr,{scale:"x"}),Me({},Tr,{scale:"y"})]},Mr={scale:"y",auto:!0,sorted:0,show:!0,spanGaps:!1,gaps:ro,alpha:1,points:{show:uc,filter:null},values:null,min:de,max:-de,idxs:[],path:null,clip:null};function cc(t,e,s,n,l){return s/10}var oo={time:!0,auto:!0,distr:1,log:10,asinh:1,min:null,max:null,dir:1,ori:0},fc=Me({},oo,{time:!1,ori:1}),Er={};function ao(t,e){let s=Er[t];return s||(s={key:t,plots:[],sub(n){s.plots.push(n)},unsub(n){s.plots=s.plots.filter(l=>l!=n)},pub(n,l,a,o,c,p,f){for(let b=0;b<s.plots.length;b++)s.plots[b]!=l&&s.plots[b].pub(n,l,a,o,c,p,f)}},t!=null&&(Er[t]=s)),s}var Nn=1,Fl=2;function dn(t,e,s){let n=t.mode,l=t.series[e],a=n==2?t._data[e]:t._data,o=t.scales,c=t.bbox,p=a[0],f=n==2?a[1]:a[e],b=n==2?o[l.facets[0].scale]:o[t.series[0].scale],g=n==2?o[l.facets[1].scale]:o[l.scale],w=c.left,E=c.top,L=c.width,D=c.height,H=t.valToPosH,B=t.valToPosV;return b.ori==0?s(l,p,f,b,g,H,B,w,E,L,D,$s,Vn,Ns,co,po):s(l,p,f,b,g,B,H,E,w,D,L,Fs,Bn,ei,fo,ho)}function Ql(t,e){let s=0,n=0,l=le(t.bands,Yl);for(let a=0;a<l.length;a++){let o=l[a];o.series[0]==e?s=o.dir:o.series[1]==e&&(o.dir==1?n|=1:n|=2)}return[s,n==1?-1:n==2?1:n==3?2:0]}function dc(t,e,s,n,l){let a=t.mode,o=t.series[e],c=a==2?o.facets[1].scale:o.scale,p=t.scales[c];return l==-1?p.min:l==1?p.max:p.distr==3?p.dir==1?p.min:p.max:0}function Ot(t,e,s,n,l,a){return dn(t,e,(o,c,p,f,b,g,w,E,L,D,H)=>{let B=o.pxRound,S=f.dir*(f.ori==0?1:-1),N=f.ori==0?Vn:Bn,_,q;S==1?(_=s,q=n):(_=n,q=s);let P=B(g(c[_],f,D,E)),J=B(w(p[_],b,H,L)),j=B(g(c[q],f,D,E)),X=B(w(a==1?b.max:b.min,b,H,L)),G=new Path2D(l);return N(G,j,X),N(G,P,X),N(G,P,J),G})}function Ds(t,e,s,n,l,a){let o=null;if(t.length>0){o=new Path2D;let c=e==0?Ns:ei,p=s;for(let g=0;g<t.length;g++){let w=t[g];if(w[1]>w[0]){let E=w[0]-p;E>0&&c(o,p,n,E,n+a),p=w[1]}}let f=s+l-p,b=10;f>0&&c(o,p,n-b/2,f,n+a+b)}return o}function pc(t,e,s){let n=t[t.length-1];n&&n[0]==e?n[1]=s:t.push([e,s])}function Xl(t,e,s,n,l,a,o){let c=[],p=t.length;for(let f=l==1?s:n;f>=s&&f<=n;f+=l)if(e[f]===null){let g=f,w=f;if(l==1)for(;++f<=n&&e[f]===null;)w=f;else for(;--f>=s&&e[f]===null;)w=f;let E=a(t[g]),L=w==g?E:a(t[w]),D=g-l;E=o<=0&&D>=0&&D<p?a(t[D]):E;let B=w+l;L=o>=0&&B>=0&&B<p?a(t[B]):L,L>=E&&c.push([E,L])}return c}function Rr(t){return t==0?Nr:t==1?Ce:e=>on(e,t)}function uo(t){let e=t==0?$s:Fs,s=t==0?(l,a,o,c,p,f)=>{l.arcTo(a,o,c,p,f)}:(l,a,o,c,p,f)=>{l.arcTo(o,a,p,c,f)},n=t==0?(l,a,o,c,p)=>{l.rect(a,o,c,p)}:(l,a,o,c,p)=>{l.rect(o,a,p,c)};return(l,a,o,c,p,f=0,b=0)=>{f==0&&b==0?n(l,a,o,c,p):(f=xt(f,c/2,p/2),b=xt(b,c/2,p/2),e(l,a+f,o),s(l,a+c,o,a+c,o+p,f),s(l,a+c,o+p,a,o+p,b),s(l,a,o+p,a,o,b),s(l,a,o,a+c,o,f),l.closePath())}}var $s=(t,e,s)=>{t.moveTo(e,s)},Fs=(t,e,s)=>{t.moveTo(s,e)},Vn=(t,e,s)=>{t.lineTo(e,s)},Bn=(t,e,s)=>{t.lineTo(s,e)},Ns=uo(0),ei=uo(1),co=(t,e,s,n,l,a)=>{t.arc(e,s,n,l,a)},fo=(t,e,s,n,l,a)=>{t.arc(s,e,n,l,a)},po=(t,e,s,n,l,a,o)=>{t.bezierCurveTo(e,s,n,l,a,o)},ho=(t,e,s,n,l,a,o)=>{t.bezierCurveTo(s,e,l,n,o,a)};function mo(t){return(e,s,n,l,a)=>dn(e,s,(o,c,p,f,b,g,w,E,L,D,H)=>{let{pxRound:B,points:S}=o,N,_;f.ori==0?(N=$s,_=co):(N=Fs,_=fo);let q=pe(S.width*re,3),P=(S.size-S.width)/2*re,J=pe(P*2,3),j=new Path2D,X=new Path2D,{left:G,top:T,width:K,height:I}=e.bbox;Ns(X,G-J,T-J,K+J*2,I+J*2);let W=F=>{if(p[F]!=null){let te=B(g(c[F],f,D,E)),$=B(w(p[F],b,H,L));N(j,te+P,$),_(j,te,$,P,0,Es*2)}};if(a)a.forEach(W);else for(let F=n;F<=l;F++)W(F);return{stroke:q>0?j:null,fill:j,clip:X,flags:Nn|Fl}})}function go(t){return(e,s,n,l,a,o)=>{n!=l&&(a!=n&&o!=n&&t(e,s,n),a!=l&&o!=l&&t(e,s,l),t(e,s,o))}}var hc=go(Vn),mc=go(Bn);function bo(t){let e=le(t?.alignGaps,0);return(s,n,l,a)=>dn(s,n,(o,c,p,f,b,g,w,E,L,D,H)=>{[l,a]=Ps(p,l,a);let B=o.pxRound,S=I=>B(g(I,f,D,E)),N=I=>B(w(I,b,H,L)),_,q;f.ori==0?(_=Vn,q=hc):(_=Bn,q=mc);let P=f.dir*(f.ori==0?1:-1),J={stroke:new Path2D,fill:null,clip:null,band:null,gaps:null,flags:Nn},j=J.stroke,X=!1;if(a-l>=D*4){let I=z=>s.posToVal(z,f.key,!0),W=null,F=null,te,$,Ke,ye=S(c[P==1?l:a]),ne=S(c[l]),ue=S(c[a]),Z=I(P==1?ne+1:ue-1);for(let z=P==1?l:a;z>=l&&z<=a;z+=P){let Ee=c[z],xe=(P==1?Ee<Z:Ee>Z)?ye:S(Ee),oe=p[z];xe==ye?oe!=null?($=oe,W==null?(_(j,xe,N($)),te=W=F=$):$<W?W=$:$>F&&(F=$)):oe===null&&(X=!0):(W!=null&&q(j,ye,N(W),N(F),N(te),N($)),oe!=null?($=oe,_(j,xe,N($)),W=F=te=$):(W=F=null,oe===null&&(X=!0)),ye=xe,Z=I(ye+P))}W!=null&&W!=F&&Ke!=ye&&q(j,ye,N(W),N(F),N(te),N($))}else for(let I=P==1?l:a;I>=l&&I<=a;I+=P){let W=p[I];W===null?X=!0:W!=null&&_(j,S(c[I]),N(W))}let[T,K]=Ql(s,n);if(o.fill!=null||T!=0){let I=J.fill=new Path2D(j),W=o.fillTo(s,n,o.min,o.max,T),F=N(W),te=S(c[l]),$=S(c[a]);P==-1&&([$,te]=[te,$]),_(I,$,F),_(I,te,F)}if(!o.spanGaps){let I=[];X&&I.push(...Xl(c,p,l,a,P,S,e)),J.gaps=I=o.gaps(s,n,l,a,I),J.clip=Ds(I,f.ori,E,L,D,H)}return K!=0&&(J.band=K==2?[Ot(s,n,l,a,j,-1),Ot(s,n,l,a,j,1)]:Ot(s,n,l,a,j,K)),J})}function gc(t){let e=le(t.align,1),s=le(t.ascDesc,!1),n=le(t.alignGaps,0),l=le(t.extend,!1);return(a,o,c,p)=>dn(a,o,(f,b,g,w,E,L,D,H,B,S,N)=>{[c,p]=Ps(g,c,p);let _=f.pxRound,{left:q,width:P}=a.bbox,J=ne=>_(L(ne,w,S,H)),j=ne=>_(D(ne,E,N,B)),X=w.ori==0?Vn:Bn,G={stroke:new Path2D,fill:null,clip:null,band:null,gaps:null,flags:Nn},T=G.stroke,K=w.dir*(w.ori==0?1:-1),I=j(g[K==1?c:p]),W=J(b[K==1?c:p]),F=W,te=W;l&&e==-1&&(te=q,X(T,te,I)),X(T,W,I);for(let ne=K==1?c:p;ne>=c&&ne<=p;ne+=K){let ue=g[ne];if(ue==null)continue;let Z=J(b[ne]),z=j(ue);e==1?X(T,Z,I):X(T,F,z),X(T,Z,z),I=z,F=Z}let $=F;l&&e==1&&($=q+P,X(T,$,I));let[Ke,ye]=Ql(a,o);if(f.fill!=null||Ke!=0){let ne=G.fill=new Path2D(T),ue=f.fillTo(a,o,f.min,f.max,Ke),Z=j(ue);X(ne,$,Z),X(ne,te,Z)}if(!f.spanGaps){let ne=[];ne.push(...Xl(b,g,c,p,K,J,n));let ue=f.width*re/2,Z=s||e==1?ue:-ue,z=s||e==-1?-ue:ue;ne.forEach(Ee=>{Ee[0]+=Z,Ee[1]+=z}),G.gaps=ne=f.gaps(a,o,c,p,ne),G.clip=Ds(ne,w.ori,H,B,S,N)}return ye!=0&&(G.band=ye==2?[Ot(a,o,c,p,T,-1),Ot(a,o,c,p,T,1)]:Ot(a,o,c,p,T,ye)),G})}function Cr(t,e,s,n,l,a,o=de){if(t.length>1){let c=null;for(let p=0,f=1/0;p<t.length;p++)if(e[p]!==void 0){if(c!=null){let b=Le(t[p]-t[c]);b<f&&(f=b,o=Le(s(t[p],n,l,a)-s(t[c],n,l,a)))}c=p}}return o}function bc(t){t=t||ls;let e=le(t.size,[.6,de,1]),s=t.align||0,n=t.gap||0,l=t.radius;l=l==null?[0,0]:typeof l=="number"?[l,0]:l;let a=ee(l),o=1-e[0],c=le(e[1],de),p=le(e[2],1),f=le(t.disp,ls),b=le(t.each,E=>{}),{fill:g,stroke:w}=f;return(E,L,D,H)=>dn(E,L,(B,S,N,_,q,P,J,j,X,G,T)=>{let K=B.pxRound,I=s,W=n*re,F=c*re,te=p*re,$,Ke;_.ori==0?[$,Ke]=a(E,L):[Ke,$]=a(E,L);let ye=_.dir*(_.ori==0?1:-1),ne=_.ori==0?Ns:ei,ue=_.ori==0?b:(R,he,Re,bn,qt,St,Jt)=>{b(R,he,Re,qt,bn,Jt,St)},Z=le(E.bands,Yl).find(R=>R.series[0]==L),z=Z!=null?Z.dir:0,Ee=B.fillTo(E,L,B.min,B.max,z),Be=K(J(Ee,q,T,X)),xe,oe,ht,Ze=G,Se=K(B.width*re),kt=!1,Lt=null,rt=null,Dt=null,hn=null;g!=null&&(Se==0||w!=null)&&(kt=!0,Lt=g.values(E,L,D,H),rt=new Map,new Set(Lt).forEach(R=>{R!=null&&rt.set(R,new Path2D)}),Se>0&&(Dt=w.values(E,L,D,H),hn=new Map,new Set(Dt).forEach(R=>{R!=null&&hn.set(R,new Path2D)})));let{x0:mn,size:Un}=f;if(mn!=null&&Un!=null){I=1,S=mn.values(E,L,D,H),mn.unit==2&&(S=S.map(Re=>E.posToVal(j+Re*G,_.key,!0)));let R=Un.values(E,L,D,H);Un.unit==2?oe=R[0]*G:oe=P(R[0],_,G,j)-P(0,_,G,j),Ze=Cr(S,N,P,_,G,j,Ze),ht=Ze-oe+W}else Ze=Cr(S,N,P,_,G,j,Ze),ht=Ze*o+W,oe=Ze-ht;ht<1&&(ht=0),Se>=oe/2&&(Se=0),ht<5&&(K=Nr);let as=ht>0,Yt=Ze-ht-(as?Se:0);oe=K(Ol(Yt,te,F)),xe=(I==0?oe/2:I==ye?0:oe)-I*ye*((I==0?W/2:0)+(as?Se/2:0));let We={stroke:null,fill:null,clip:null,band:null,gaps:null,flags:0},gn=kt?null:new Path2D,Pt=null;if(Z!=null)Pt=E.data[Z.series[1]];else{let{y0:R,y1:he}=f;R!=null&&he!=null&&(N=he.values(E,L,D,H),Pt=R.values(E,L,D,H))}let Kt=$*oe,Y=Ke*oe;for(let R=ye==1?D:H;R>=D&&R<=H;R+=ye){let he=N[R];if(he==null)continue;if(Pt!=null){let qe=Pt[R]??0;if(he-qe==0)continue;Be=J(qe,q,T,X)}let Re=_.distr!=2||f!=null?S[R]:R,bn=P(Re,_,G,j),qt=J(le(he,Ee),q,T,X),St=K(bn-xe),Jt=K(Ye(qt,Be)),Qe=K(xt(qt,Be)),ot=Jt-Qe;if(he!=null){let qe=he<0?Y:Kt,mt=he<0?Kt:Y;kt?(Se>0&&Dt[R]!=null&&ne(hn.get(Dt[R]),St,Qe+lt(Se/2),oe,Ye(0,ot-Se),qe,mt),Lt[R]!=null&&ne(rt.get(Lt[R]),St,Qe+lt(Se/2),oe,Ye(0,ot-Se),qe,mt)):ne(gn,St,Qe+lt(Se/2),oe,Ye(0,ot-Se),qe,mt),ue(E,L,R,St-Se/2,Qe,oe+Se,ot)}}return Se>0?We.stroke=kt?hn:gn:kt||(We._fill=B.width==0?B._fill:B._stroke??B._fill,We.width=0),We.fill=kt?rt:gn,We})}function wc(t,e){let s=le(e?.alignGaps,0);return(n,l,a,o)=>dn(n,l,(c,p,f,b,g,w,E,L,D,H,B)=>{[a,o]=Ps(f,a,o);let S=c.pxRound,N=$=>S(w($,b,H,L)),_=$=>S(E($,g,B,D)),q,P,J;b.ori==0?(q=$s,J=Vn,P=po):(q=Fs,J=Bn,P=ho);let j=b.dir*(b.ori==0?1:-1),X=N(p[j==1?a:o]),G=X,T=[],K=[];for(let $=j==1?a:o;$>=a&&$<=o;$+=j)if(f[$]!=null){let ye=p[$],ne=N(ye);T.push(G=ne),K.push(_(f[$]))}let I={stroke:t(T,K,q,J,P,S),fill:null,clip:null,band:null,gaps:null,flags:Nn},W=I.stroke,[F,te]=Ql(n,l);if(c.fill!=null||F!=0){let $=I.fill=new Path2D(W),Ke=c.fillTo(n,l,c.min,c.max,F),ye=_(Ke);J($,G,ye),J($,X,ye)}if(!c.spanGaps){let $=[];$.push(...Xl(p,f,a,o,j,N,s)),I.gaps=$=c.gaps(n,l,a,o,$),I.clip=Ds($,b.ori,L,D,H,B)}return te!=0&&(I.band=te==2?[Ot(n,l,a,o,W,-1),Ot(n,l,a,o,W,1)]:Ot(n,l,a,o,W,te)),I})}function vc(t){return wc(yc,t)}function yc(t,e,s,n,l,a){let o=t.length;if(o<2)return null;let c=new Path2D;if(s(c,t[0],e[0]),o==2)n(c,t[1],e[1]);else{let p=Array(o),f=Array(o-1),b=Array(o-1),g=Array(o-1);for(let w=0;w<o-1;w++)b[w]=e[w+1]-e[w],g[w]=t[w+1]-t[w],f[w]=b[w]/g[w];p[0]=f[0];for(let w=1;w<o-1;w++)f[w]===0||f[w-1]===0||f[w-1]>0!=f[w]>0?p[w]=0:(p[w]=3*(g[w-1]+g[w])/((2*g[w]+g[w-1])/f[w-1]+(g[w]+2*g[w-1])/f[w]),isFinite(p[w])||(p[w]=0));p[o-1]=f[o-2];for(let w=0;w<o-1;w++)l(c,t[w]+g[w]/3,e[w]+p[w]*g[w]/3,t[w+1]-g[w]/3,e[w+1]-p[w+1]*g[w]/3,t[w+1],e[w+1])}return c}var Nl=new Set;function Lr(){for(let t of Nl)t.syncRect(!0)}Hn&&(cn(eu,On,Lr),cn(tu,On,Lr,!0),cn(Rs,On,()=>{Fe.pxRatio=re}));var xc=bo(),kc=mo();function Pr(t,e,s,n){return(n?[t[0],t[1]].concat(t.slice(2)):[t[0]].concat(t.slice(1))).map((a,o)=>Hl(a,o,e,s))}function Sc(t,e){return t.map((s,n)=>n==0?{}:Me({},e,s))}function Hl(t,e,s,n){return Me({},e==0?s:n,t)}function wo(t,e,s){return e==null?$n:[e,s]}var _c=wo;function Tc(t,e,s){return e==null?$n:Cs(e,s,Gl,!0)}function vo(t,e,s,n){return e==null?$n:Is(e,s,t.scales[n].log,!1)}var Ac=vo;function yo(t,e,s,n){return e==null?$n:Ul(e,s,t.scales[n].log,!1)}var Mc=yo;function Ec(t,e,s,n,l){let a=Ye(cr(t),cr(e)),o=e-t,c=yt(l/n*o,s);do{let p=s[c],f=n*p/o;if(f>=l&&a+(p<5?jt.get(p):0)<=17)return[p,f]}while(++c<s.length);return[0,0]}function Ir(t){let e,s;return t=t.replace(/(\d+)px/,(n,l)=>(e=Ce((s=+l)*re))+"px"),[t,e,s]}function Rc(t){t.show&&[t.font,t.labelFont].forEach(e=>{let s=pe(e[2]*re,1);e[0]=e[0].replace(/[0-9.]+px/,s+"px"),e[1]=s})}function Fe(t,e,s){let n={mode:le(t.mode,1)},l=n.mode;function a(i,r,u,d){let h=r.valToPct(i);return d+u*(r.dir==-1?1-h:h)}function o(i,r,u,d){let h=r.valToPct(i);return d+u*(r.dir==-1?h:1-h)}function c(i,r,u,d){return r.ori==0?a(i,r,u,d):o(i,r,u,d)}n.valToPosH=a,n.valToPosV=o;let p=!1;n.status=0;let f=n.root=dt(Da);if(t.id!=null&&(f.id=t.id),st(f,t.class),t.title){let i=dt(Na,f);i.textContent=t.title}let b=vt("canvas"),g=n.ctx=b.getContext("2d"),w=dt(Ha,f);cn("click",w,i=>{i.target===L&&(me!=En||ke!=Rn)&&He.click(n,i)},!0);let E=n.under=dt(Va,w);w.appendChild(b);let L=n.over=dt(Ba,w);t=Fn(t);let D=+le(t.pxAlign,1),H=Rr(D);(t.plugins||[]).forEach(i=>{i.opts&&(t=i.opts(n,t)||t)});let B=t.ms||.001,S=n.series=l==1?Pr(t.series||[],kr,Mr,!1):Sc(t.series||[null],Ar),N=n.axes=Pr(t.axes||[],xr,_r,!0),_=n.scales={},q=n.bands=t.bands||[];q.forEach(i=>{i.fill=ee(i.fill||null),i.dir=le(i.dir,-1)});let P=l==2?S[1].facets[0].scale:S[0].scale,J={axes:oa,series:na},j=(t.drawOrder||["axes","series"]).map(i=>J[i]);function X(i){let r=i.distr==3?u=>zt(u>0?u:i.clamp(n,u,i.min,i.max,i.key)):i.distr==4?u=>Ml(u,i.asinh):i.distr==100?u=>i.fwd(u):u=>u;return u=>{let d=r(u),{_min:h,_max:m}=i,v=m-h;return(d-h)/v}}function G(i){let r=_[i];if(r==null){let u=(t.scales||ls)[i]||ls;if(u.from!=null){G(u.from);let d=Me({},_[u.from],u,{key:i});d.valToPct=X(d),_[i]=d}else{r=_[i]=Me({},i==P?oo:fc,u),r.key=i;let d=r.time,h=r.range,m=Gt(h);if((i!=P||l==2&&!d)&&(m&&(h[0]==null||h[1]==null)&&(h={min:h[0]==null?or:{mode:1,hard:h[0],soft:h[0]},max:h[1]==null?or:{mode:1,hard:h[1],soft:h[1]}},m=!1),!m&&Os(h))){let v=h;h=(x,k,A)=>k==null?$n:Cs(k,A,v)}r.range=ee(h||(d?_c:i==P?r.distr==3?Ac:r.distr==4?Mc:wo:r.distr==3?vo:r.distr==4?yo:Tc)),r.auto=ee(m?!1:r.auto),r.clamp=ee(r.clamp||cc),r._min=r._max=null,r.valToPct=X(r)}}}G("x"),G("y"),l==1&&S.forEach(i=>{G(i.scale)}),N.forEach(i=>{G(i.scale)});for(let i in t.scales)G(i);let T=_[P],K=T.distr,I,W;T.ori==0?(st(f,$a),I=a,W=o):(st(f,Fa),I=o,W=a);let F={};for(let i in _){let r=_[i];(r.min!=null||r.max!=null)&&(F[i]={min:r.min,max:r.max},r.min=r.max=null)}let te=t.tzDate||(i=>new Date(Ce(i/B))),$=t.fmtDate||Kl,Ke=B==1?$u(te):Hu(te),ye=wr(te,br(B==1?Du:Nu,$)),ne=yr(te,vr(Bu,$)),ue=[],Z=n.legend=Me({},Gu,t.legend),z=n.cursor=Me({},Zu,{drag:{y:l==2}},t.cursor),Ee=Z.show,Be=z.show,xe=Z.markers;Z.idxs=ue,xe.width=ee(xe.width),xe.dash=ee(xe.dash),xe.stroke=ee(xe.stroke),xe.fill=ee(xe.fill);let oe,ht,Ze,Se=[],kt=[],Lt,rt=!1,Dt={};if(Z.live){let i=S[1]?S[1].values:null;rt=i!=null,Lt=rt?i(n,1,0):{_:0};for(let r in Lt)Dt[r]=Bl}if(Ee)if(oe=vt("table",Ka,f),Ze=vt("tbody",null,oe),Z.mount(n,oe),rt){ht=vt("thead",null,oe,Ze);let i=vt("tr",null,ht);vt("th",null,i);for(var hn in Lt)vt("th",Ki,i).textContent=hn}else st(oe,Ja),Z.live&&st(oe,qa);let mn={show:!0},Un={show:!1};function as(i,r){if(r==0&&(rt||!Z.live||l==2))return $n;let u=[],d=vt("tr",Za,Ze,Ze.childNodes[r]);st(d,i.class),i.show||st(d,un);let h=vt("th",null,d);if(xe.show){let x=dt(Qa,h);if(r>0){let k=xe.width(n,r);k&&(x.style.border=k+"px "+xe.dash(n,r)+" "+xe.stroke(n,r)),x.style.background=xe.fill(n,r)}}let m=dt(Ki,h);i.label instanceof HTMLElement?m.appendChild(i.label):m.textContent=i.label,r>0&&(xe.show||(m.style.color=i.width>0?xe.stroke(n,r):xe.fill(n,r)),We("click",h,x=>{if(z._lock)return;Qt(x);let k=S.indexOf(i);if((x.ctrlKey||x.metaKey)!=Z.isolate){let A=S.some((M,C)=>C>0&&C!=k&&M.show);S.forEach((M,C)=>{C>0&&Tt(C,A?C==k?mn:Un:mn,!0,Ae.setSeries)})}else Tt(k,{show:!i.show},!0,Ae.setSeries)},!1),vn&&We(Qi,h,x=>{z._lock||(Qt(x),Tt(S.indexOf(i),Ln,!0,Ae.setSeries))},!1));for(var v in Lt){let x=vt("td",Xa,d);x.textContent="--",u.push(x)}return[d,u]}let Yt=new Map;function We(i,r,u,d=!0){let h=Yt.get(r)||{},m=z.bind[i](n,r,u,d);m&&(cn(i,r,h[i]=m),Yt.set(r,h))}function gn(i,r,u){let d=Yt.get(r)||{};for(let h in d)(i==null||h==i)&&(zl(h,r,d[h]),delete d[h]);i==null&&Yt.delete(r)}let Pt=0,Kt=0,Y=0,R=0,he=0,Re=0,bn=he,qt=Re,St=Y,Jt=R,Qe=0,ot=0,qe=0,mt=0;n.bbox={};let Gs=!1,us=!1,wn=!1,Zt=!1,cs=!1,at=!1;function js(i,r,u){(u||i!=n.width||r!=n.height)&&oi(i,r),_n(!1),wn=!0,us=!0,Tn()}function oi(i,r){n.width=Pt=Y=i,n.height=Kt=R=r,he=Re=0,qo(),Jo();let u=n.bbox;Qe=u.left=on(he*re,.5),ot=u.top=on(Re*re,.5),qe=u.width=on(Y*re,.5),mt=u.height=on(R*re,.5)}let jo=3;function Yo(){let i=!1,r=0;for(;!i;){r++;let u=ia(r),d=ra(r);i=r==jo||u&&d,i||(oi(n.width,n.height),us=!0)}}function Ko({width:i,height:r}){js(i,r)}n.setSize=Ko;function qo(){let i=!1,r=!1,u=!1,d=!1;N.forEach((h,m)=>{if(h.show&&h._show){let{side:v,_size:x}=h,k=v%2,A=h.label!=null?h.labelSize:0,M=x+A;M>0&&(k?(Y-=M,v==3?(he+=M,d=!0):u=!0):(R-=M,v==0?(Re+=M,i=!0):r=!0))}}),Xt[0]=i,Xt[1]=u,Xt[2]=r,Xt[3]=d,Y-=$t[1]+$t[3],he+=$t[3],R-=$t[2]+$t[0],Re+=$t[0]}function Jo(){let i=he+Y,r=Re+R,u=he,d=Re;function h(m,v){switch(m){case 1:return i+=v,i-v;case 2:return r+=v,r-v;case 3:return u-=v,u+v;case 0:return d-=v,d+v}}N.forEach((m,v)=>{if(m.show&&m._show){let x=m.side;m._pos=h(x,m._size),m.label!=null&&(m._lpos=h(x,m.labelSize))}})}if(z.dataIdx==null){let i=z.hover,r=i.skip=new Set(i.skip??[]);r.add(void 0);let u=i.prox=ee(i.prox),d=i.bias??=0;z.dataIdx=(h,m,v,x)=>{if(m==0)return v;let k=v,A=u(h,m,v,x)??de,M=A>=0&&A<de,C=T.ori==0?Y:R,U=z.left,ie=e[0],se=e[m];if(r.has(se[v])){k=null;let Q=null,V=null,O;if(d==0||d==-1)for(O=v;Q==null&&O-- >0;)r.has(se[O])||(Q=O);if(d==0||d==1)for(O=v;V==null&&O++<se.length;)r.has(se[O])||(V=O);if(Q!=null||V!=null)if(M){let be=Q==null?-1/0:I(ie[Q],T,C,0),_e=V==null?1/0:I(ie[V],T,C,0),$e=U-be,ce=_e-U;$e<=ce?$e<=A&&(k=Q):ce<=A&&(k=V)}else k=V==null?Q:Q==null?V:v-Q<=V-v?Q:V}else M&&Le(U-I(ie[v],T,C,0))>A&&(k=null);return k}}let Qt=i=>{z.event=i};z.idxs=ue,z._lock=!1;let Ve=z.points;Ve.show=ee(Ve.show),Ve.size=ee(Ve.size),Ve.stroke=ee(Ve.stroke),Ve.width=ee(Ve.width),Ve.fill=ee(Ve.fill);let _t=n.focus=Me({},t.focus||{alpha:.3},z.focus),vn=_t.prox>=0,yn=vn&&Ve.one,ut=[],xn=[],kn=[];function ai(i,r){let u=Ve.show(n,r);if(u instanceof HTMLElement)return st(u,Ya),st(u,i.class),Ct(u,-10,-10,Y,R),L.insertBefore(u,ut[r]),u}function ui(i,r){if(l==1||r>0){let u=l==1&&_[i.scale].time,d=i.value;i.value=u?pr(d)?yr(te,vr(d,$)):d||ne:d||oc,i.label=i.label||(u?Xu:Qu)}if(yn||r>0){i.width=i.width==null?1:i.width,i.paths=i.paths||xc||fu,i.fillTo=ee(i.fillTo||dc),i.pxAlign=+le(i.pxAlign,D),i.pxRound=Rr(i.pxAlign),i.stroke=ee(i.stroke||null),i.fill=ee(i.fill||null),i._stroke=i._fill=i._paths=i._focus=null;let u=ac(Ye(1,i.width),1),d=i.points=Me({},{size:u,width:Ye(1,u*.2),stroke:i.stroke,space:u*2,paths:kc,_stroke:null,_fill:null},i.points);d.show=ee(d.show),d.filter=ee(d.filter),d.fill=ee(d.fill),d.stroke=ee(d.stroke),d.paths=ee(d.paths),d.pxAlign=i.pxAlign}if(Ee){let u=as(i,r);Se.splice(r,0,u[0]),kt.splice(r,0,u[1]),Z.values.push(null)}if(Be){ue.splice(r,0,null);let u=null;yn?r==0&&(u=ai(i,r)):r>0&&(u=ai(i,r)),ut.splice(r,0,u),xn.splice(r,0,0),kn.splice(r,0,0)}De("addSeries",r)}function Zo(i,r){r=r??S.length,i=l==1?Hl(i,r,kr,Mr):Hl(i,r,{},Ar),S.splice(r,0,i),ui(S[r],r)}n.addSeries=Zo;function Qo(i){if(S.splice(i,1),Ee){Z.values.splice(i,1),kt.splice(i,1);let r=Se.splice(i,1)[0];gn(null,r.firstChild),r.remove()}Be&&(ue.splice(i,1),ut.splice(i,1)[0].remove(),xn.splice(i,1),kn.splice(i,1)),De("delSeries",i)}n.delSeries=Qo;let Xt=[!1,!1,!1,!1];function Xo(i,r){if(i._show=i.show,i.show){let u=i.side%2,d=_[i.scale];d==null&&(i.scale=u?S[1].scale:P,d=_[i.scale]);let h=d.time;i.size=ee(i.size),i.space=ee(i.space),i.rotate=ee(i.rotate),Gt(i.incrs)&&i.incrs.forEach(v=>{!jt.has(v)&&jt.set(v,Br(v))}),i.incrs=ee(i.incrs||(d.distr==2?Iu:h?B==1?Ou:Fu:an)),i.splits=ee(i.splits||(h&&d.distr==1?Ke:d.distr==3?Dl:d.distr==4?nc:tc)),i.stroke=ee(i.stroke),i.grid.stroke=ee(i.grid.stroke),i.ticks.stroke=ee(i.ticks.stroke),i.border.stroke=ee(i.border.stroke);let m=i.values;i.values=Gt(m)&&!Gt(m[0])?ee(m):h?Gt(m)?wr(te,br(m,$)):pr(m)?Vu(te,m):m||ye:m||ec,i.filter=ee(i.filter||(d.distr>=3&&d.log==10?ic:d.distr==3&&d.log==2?rc:Hr)),i.font=Ir(i.font),i.labelFont=Ir(i.labelFont),i._size=i.size(n,null,r,0),i._space=i._rotate=i._incrs=i._found=i._splits=i._values=null,i._size>0&&(Xt[r]=!0,i._el=dt(Wa,w))}}function Gn(i,r,u,d){let[h,m,v,x]=u,k=r%2,A=0;return k==0&&(x||m)&&(A=r==0&&!h||r==2&&!v?Ce(xr.size/3):0),k==1&&(h||v)&&(A=r==1&&!m||r==3&&!x?Ce(_r.size/2):0),A}let ci=n.padding=(t.padding||[Gn,Gn,Gn,Gn]).map(i=>ee(le(i,Gn))),$t=n._padding=ci.map((i,r)=>i(n,r,Xt,0)),Ne,Pe=null,Ie=null,fs=l==1?S[0].idxs:null,gt=null,jn=!1;function fi(i,r){if(e=i??[],n.data=n._data=e,l==2){Ne=0;for(let u=1;u<S.length;u++)Ne+=e[u][0].length}else{e.length==0&&(n.data=n._data=e=[[]]),gt=e[0],Ne=gt.length;let u=e;if(K==2){u=e.slice();let d=u[0]=Array(Ne);for(let h=0;h<Ne;h++)d[h]=h}n._data=e=u}if(_n(!0),De("setData"),K==2&&(wn=!0),r!==!1){let u=T;u.auto(n,jn)?Ys():Nt(P,u.min,u.max),Zt=Zt||z.left>=0,at=!0,Tn()}}n.setData=fi;function Ys(){jn=!0;let i,r;l==1&&(Ne>0?(Pe=fs[0]=0,Ie=fs[1]=Ne-1,i=e[0][Pe],r=e[0][Ie],K==2?(i=Pe,r=Ie):i==r&&(K==3?[i,r]=Is(i,i,T.log,!1):K==4?[i,r]=Ul(i,i,T.log,!1):T.time?r=i+Ce(86400/B):[i,r]=Cs(i,r,Gl,!0))):(Pe=fs[0]=i=null,Ie=fs[1]=r=null)),Nt(P,i,r)}let ds,Sn,Ks,qs,Js,Zs,Qs,Xs,el,Je;function di(i,r,u,d,h,m){i??=Ji,u??=Yl,d??="butt",h??=Ji,m??="round",i!=ds&&(g.strokeStyle=ds=i),h!=Sn&&(g.fillStyle=Sn=h),r!=Ks&&(g.lineWidth=Ks=r),m!=Js&&(g.lineJoin=Js=m),d!=Zs&&(g.lineCap=Zs=d),u!=qs&&g.setLineDash(qs=u)}function pi(i,r,u,d){r!=Sn&&(g.fillStyle=Sn=r),i!=Qs&&(g.font=Qs=i),u!=Xs&&(g.textAlign=Xs=u),d!=el&&(g.textBaseline=el=d)}function tl(i,r,u,d,h=0){if(d.length>0&&i.auto(n,jn)&&(r==null||r.min==null)){let m=le(Pe,0),v=le(Ie,d.length-1),x=u.min==null?iu(d,m,v,h,i.distr==3):[u.min,u.max];i.min=xt(i.min,u.min=x[0]),i.max=Ye(i.max,u.max=x[1])}}let hi={min:null,max:null};function ea(){for(let d in _){let h=_[d];F[d]==null&&(h.min==null||F[P]!=null&&h.auto(n,jn))&&(F[d]=hi)}for(let d in _){let h=_[d];F[d]==null&&h.from!=null&&F[h.from]!=null&&(F[d]=hi)}F[P]!=null&&_n(!0);let i={};for(let d in F){let h=F[d];if(h!=null){let m=i[d]=Fn(_[d],hu);if(h.min!=null)Me(m,h);else if(d!=P||l==2)if(Ne==0&&m.from==null){let v=m.range(n,null,null,d);m.min=v[0],m.max=v[1]}else m.min=de,m.max=-de}}if(Ne>0){S.forEach((d,h)=>{if(l==1){let m=d.scale,v=F[m];if(v==null)return;let x=i[m];if(h==0){let k=x.range(n,x.min,x.max,m);x.min=k[0],x.max=k[1],Pe=yt(x.min,e[0]),Ie=yt(x.max,e[0]),Ie-Pe>1&&(e[0][Pe]<x.min&&Pe++,e[0][Ie]>x.max&&Ie--),d.min=gt[Pe],d.max=gt[Ie]}else d.show&&d.auto&&tl(x,v,d,e[h],d.sorted);d.idxs[0]=Pe,d.idxs[1]=Ie}else if(h>0&&d.show&&d.auto){let[m,v]=d.facets,x=m.scale,k=v.scale,[A,M]=e[h],C=i[x],U=i[k];C!=null&&tl(C,F[x],m,A,m.sorted),U!=null&&tl(U,F[k],v,M,v.sorted),d.min=v.min,d.max=v.max}});for(let d in i){let h=i[d],m=F[d];if(h.from==null&&(m==null||m.min==null)){let v=h.range(n,h.min==de?null:h.min,h.max==-de?null:h.max,d);h.min=v[0],h.max=v[1]}}}for(let d in i){let h=i[d];if(h.from!=null){let m=i[h.from];if(m.min==null)h.min=h.max=null;else{let v=h.range(n,m.min,m.max,d);h.min=v[0],h.max=v[1]}}}let r={},u=!1;for(let d in i){let h=i[d],m=_[d];if(m.min!=h.min||m.max!=h.max){m.min=h.min,m.max=h.max;let v=m.distr;m._min=v==3?zt(m.min):v==4?Ml(m.min,m.asinh):v==100?m.fwd(m.min):m.min,m._max=v==3?zt(m.max):v==4?Ml(m.max,m.asinh):v==100?m.fwd(m.max):m.max,r[d]=u=!0}}if(u){S.forEach((d,h)=>{l==2?h>0&&r.y&&(d._paths=null):r[d.scale]&&(d._paths=null)});for(let d in r)wn=!0,De("setScale",d);Be&&z.left>=0&&(Zt=at=!0)}for(let d in F)F[d]=null}function ta(i){let r=Ol(Pe-1,0,Ne-1),u=Ol(Ie+1,0,Ne-1);for(;i[r]==null&&r>0;)r--;for(;i[u]==null&&u<Ne-1;)u++;return[r,u]}function na(){if(Ne>0){let i=S.some(r=>r._focus)&&Je!=_t.alpha;i&&(g.globalAlpha=Je=_t.alpha),S.forEach((r,u)=>{if(u>0&&r.show&&(mi(u,!1),mi(u,!0),r._paths==null)){let d=Je;Je!=r.alpha&&(g.globalAlpha=Je=r.alpha);let h=l==2?[0,e[u][0].length-1]:ta(e[u]);r._paths=r.paths(n,u,h[0],h[1]),Je!=d&&(g.globalAlpha=Je=d)}}),S.forEach((r,u)=>{if(u>0&&r.show){let d=Je;Je!=r.alpha&&(g.globalAlpha=Je=r.alpha),r._paths!=null&&gi(u,!1);{let h=r._paths!=null?r._paths.gaps:null,m=r.points.show(n,u,Pe,Ie,h),v=r.points.filter(n,u,m,h);(m||v)&&(r.points._paths=r.points.paths(n,u,Pe,Ie,v),gi(u,!0))}Je!=d&&(g.globalAlpha=Je=d),De("drawSeries",u)}}),i&&(g.globalAlpha=Je=1)}}function mi(i,r){let u=r?S[i].points:S[i];u._stroke=u.stroke(n,i),u._fill=u.fill(n,i)}function gi(i,r){let u=r?S[i].points:S[i],{stroke:d,fill:h,clip:m,flags:v,_stroke:x=u._stroke,_fill:k=u._fill,_width:A=u.width}=u._paths;A=pe(A*re,3);let M=null,C=A%2/2;r&&k==null&&(k=A>0?"#fff":x);let U=u.pxAlign==1&&C>0;if(U&&g.translate(C,C),!r){let ie=Qe-A/2,se=ot-A/2,Q=qe+A,V=mt+A;M=new Path2D,M.rect(ie,se,Q,V)}r?nl(x,A,u.dash,u.cap,k,d,h,v,m):sa(i,x,A,u.dash,u.cap,k,d,h,v,M,m),U&&g.translate(-C,-C)}function sa(i,r,u,d,h,m,v,x,k,A,M){let C=!1;k!=0&&q.forEach((U,ie)=>{if(U.series[0]==i){let se=S[U.series[1]],Q=e[U.series[1]],V=(se._paths||ls).band;Gt(V)&&(V=U.dir==1?V[0]:V[1]);let O,be=null;se.show&&V&&ou(Q,Pe,Ie)?(be=U.fill(n,ie)||m,O=se._paths.clip):V=null,nl(r,u,d,h,be,v,x,k,A,M,O,V),C=!0}}),C||nl(r,u,d,h,m,v,x,k,A,M)}let bi=Nn|Fl;function nl(i,r,u,d,h,m,v,x,k,A,M,C){di(i,r,u,d,h),(k||A||C)&&(g.save(),k&&g.clip(k),A&&g.clip(A)),C?(x&bi)==bi?(g.clip(C),M&&g.clip(M),hs(h,v),ps(i,m,r)):x&Fl?(hs(h,v),g.clip(C),ps(i,m,r)):x&Nn&&(g.save(),g.clip(C),M&&g.clip(M),hs(h,v),g.restore(),ps(i,m,r)):(hs(h,v),ps(i,m,r)),(k||A||C)&&g.restore()}function ps(i,r,u){u>0&&(r instanceof Map?r.forEach((d,h)=>{g.strokeStyle=ds=h,g.stroke(d)}):r!=null&&i&&g.stroke(r))}function hs(i,r){r instanceof Map?r.forEach((u,d)=>{g.fillStyle=Sn=d,g.fill(u)}):r!=null&&i&&g.fill(r)}function la(i,r,u,d){let h=N[i],m;if(d<=0)m=[0,0];else{let v=h._space=h.space(n,i,r,u,d),x=h._incrs=h.incrs(n,i,r,u,d,v);m=Ec(r,u,x,d,v)}return h._found=m}function sl(i,r,u,d,h,m,v,x,k,A){let M=v%2/2;D==1&&g.translate(M,M),di(x,v,k,A,x),g.beginPath();let C,U,ie,se,Q=h+(d==0||d==3?-m:m);u==0?(U=h,se=Q):(C=h,ie=Q);for(let V=0;V<i.length;V++)r[V]!=null&&(u==0?C=ie=i[V]:U=se=i[V],g.moveTo(C,U),g.lineTo(ie,se));g.stroke(),D==1&&g.translate(-M,-M)}function ia(i){let r=!0;return N.forEach((u,d)=>{if(!u.show)return;let h=_[u.scale];if(h.min==null){u._show&&(r=!1,u._show=!1,_n(!1));return}else u._show||(r=!1,u._show=!0,_n(!1));let m=u.side,v=m%2,{min:x,max:k}=h,[A,M]=la(d,x,k,v==0?Y:R);if(M==0)return;let C=h.distr==2,U=u._splits=u.splits(n,d,x,k,A,M,C),ie=h.distr==2?U.map(O=>gt[O]):U,se=h.distr==2?gt[U[1]]-gt[U[0]]:A,Q=u._values=u.values(n,u.filter(n,ie,d,M,se),d,M,se);u._rotate=m==2?u.rotate(n,Q,d,M):0;let V=u._size;u._size=pt(u.size(n,Q,d,i)),V!=null&&u._size!=V&&(r=!1)}),r}function ra(i){let r=!0;return ci.forEach((u,d)=>{let h=u(n,d,Xt,i);h!=$t[d]&&(r=!1),$t[d]=h}),r}function oa(){for(let i=0;i<N.length;i++){let r=N[i];if(!r.show||!r._show)continue;let u=r.side,d=u%2,h,m,v=r.stroke(n,i),x=u==0||u==3?-1:1,[k,A]=r._found;if(r.label!=null){let Ge=r.labelGap*x,tt=Ce((r._lpos+Ge)*re);pi(r.labelFont[0],v,"center",u==2?"top":qi),g.save(),d==1?(h=m=0,g.translate(tt,Ce(ot+mt/2)),g.rotate((u==3?-Es:Es)/2)):(h=Ce(Qe+qe/2),m=tt);let nn=Fr(r.label)?r.label(n,i,k,A):r.label;g.fillText(nn,h,m),g.restore()}if(A==0)continue;let M=_[r.scale],C=d==0?qe:mt,U=d==0?Qe:ot,ie=r._splits,se=M.distr==2?ie.map(Ge=>gt[Ge]):ie,Q=M.distr==2?gt[ie[1]]-gt[ie[0]]:k,V=r.ticks,O=r.border,be=V.show?V.size:0,_e=Ce(be*re),$e=Ce((r.alignTo==2?r._size-be-r.gap:r.gap)*re),ce=r._rotate*-Es/180,Te=H(r._pos*re),Xe=(_e+$e)*x,Ue=Te+Xe;m=d==0?Ue:0,h=d==1?Ue:0;let ct=r.font[0],bt=r.align==1?In:r.align==2?_l:ce>0?In:ce<0?_l:d==0?"center":u==3?_l:In,Mt=ce||d==1?"middle":u==2?"top":qi;pi(ct,v,bt,Mt);let et=r.font[1]*r.lineGap,ft=ie.map(Ge=>H(c(Ge,M,C,U))),wt=r._values;for(let Ge=0;Ge<wt.length;Ge++){let tt=wt[Ge];if(tt!=null){d==0?h=ft[Ge]:m=ft[Ge],tt=""+tt;let nn=tt.indexOf(`
`)==-1?[tt]:tt.split(/\n/gm);for(let je=0;je<nn.length;je++){let Di=nn[je];ce?(g.save(),g.translate(h,m+je*et),g.rotate(ce),g.fillText(Di,0,0),g.restore()):g.fillText(Di,h,m+je*et)}}}V.show&&sl(ft,V.filter(n,se,i,A,Q),d,u,Te,_e,pe(V.width*re,3),V.stroke(n,i),V.dash,V.cap);let Et=r.grid;Et.show&&sl(ft,Et.filter(n,se,i,A,Q),d,d==0?2:1,d==0?ot:Qe,d==0?mt:qe,pe(Et.width*re,3),Et.stroke(n,i),Et.dash,Et.cap),O.show&&sl([Te],[1],d==0?1:0,d==0?1:2,d==1?ot:Qe,d==1?mt:qe,pe(O.width*re,3),O.stroke(n,i),O.dash,O.cap)}De("drawAxes")}function _n(i){S.forEach((r,u)=>{u>0&&(r._paths=null,i&&(l==1?(r.min=null,r.max=null):r.facets.forEach(d=>{d.min=null,d.max=null})))})}let ms=!1,ll=!1,Yn=[];function aa(){ll=!1;for(let i=0;i<Yn.length;i++)De(...Yn[i]);Yn.length=0}function Tn(){ms||(xu(wi),ms=!0)}function ua(i,r=!1){ms=!0,ll=r,i(n),wi(),r&&Yn.length>0&&queueMicrotask(aa)}n.batch=ua;function wi(){if(Gs&&(ea(),Gs=!1),wn&&(Yo(),wn=!1),us){if(ve(E,In,he),ve(E,"top",Re),ve(E,es,Y),ve(E,ts,R),ve(L,In,he),ve(L,"top",Re),ve(L,es,Y),ve(L,ts,R),ve(w,es,Pt),ve(w,ts,Kt),b.width=Ce(Pt*re),b.height=Ce(Kt*re),N.forEach(({_el:i,_show:r,_size:u,_pos:d,side:h})=>{if(i!=null)if(r){let m=h===3||h===0?u:0,v=h%2==1;ve(i,v?"left":"top",d-m),ve(i,v?"width":"height",u),ve(i,v?"top":"left",v?Re:he),ve(i,v?"height":"width",v?R:Y),Il(i,un)}else st(i,un)}),ds=Sn=Ks=Js=Zs=Qs=Xs=el=qs=null,Je=1,Jn(!0),he!=bn||Re!=qt||Y!=St||R!=Jt){_n(!1);let i=Y/St,r=R/Jt;if(Be&&!Zt&&z.left>=0){z.left*=i,z.top*=r,An&&Ct(An,Ce(z.left),0,Y,R),Mn&&Ct(Mn,0,Ce(z.top),Y,R);for(let u=0;u<ut.length;u++){let d=ut[u];d!=null&&(xn[u]*=i,kn[u]*=r,Ct(d,pt(xn[u]),pt(kn[u]),Y,R))}}if(ge.show&&!cs&&ge.left>=0&&ge.width>0){ge.left*=i,ge.width*=i,ge.top*=r,ge.height*=r;for(let u in cl)ve(Cn,u,ge[u])}bn=he,qt=Re,St=Y,Jt=R}De("setSize"),us=!1}Pt>0&&Kt>0&&(g.clearRect(0,0,b.width,b.height),De("drawClear"),j.forEach(i=>i()),De("draw")),ge.show&&cs&&(gs(ge),cs=!1),Be&&Zt&&(tn(null,!0,!1),Zt=!1),Z.show&&Z.live&&at&&(al(),at=!1),p||(p=!0,n.status=1,De("ready")),jn=!1,ms=!1}n.redraw=(i,r)=>{wn=r||!1,i!==!1?Nt(P,T.min,T.max):Tn()};function il(i,r){let u=_[i];if(u.from==null){if(Ne==0){let d=u.range(n,r.min,r.max,i);r.min=d[0],r.max=d[1]}if(r.min>r.max){let d=r.min;r.min=r.max,r.max=d}if(Ne>1&&r.min!=null&&r.max!=null&&r.max-r.min<1e-16)return;i==P&&u.distr==2&&Ne>0&&(r.min=yt(r.min,e[0]),r.max=yt(r.max,e[0]),r.min==r.max&&r.max++),F[i]=r,Gs=!0,Tn()}}n.setScale=il;let rl,ol,An,Mn,vi,yi,En,Rn,xi,ki,me,ke,Ft=!1,He=z.drag,ze=He.x,Oe=He.y;Be&&(z.x&&(rl=dt(Ga,L)),z.y&&(ol=dt(ja,L)),T.ori==0?(An=rl,Mn=ol):(An=ol,Mn=rl),me=z.left,ke=z.top);let ge=n.select=Me({show:!0,over:!0,left:0,width:0,top:0,height:0},t.select),Cn=ge.show?dt(Ua,ge.over?L:E):null;function gs(i,r){if(ge.show){for(let u in i)ge[u]=i[u],u in cl&&ve(Cn,u,i[u]);r!==!1&&De("setSelect")}}n.setSelect=gs;function ca(i){if(S[i].show)Ee&&Il(Se[i],un);else if(Ee&&st(Se[i],un),Be){let u=yn?ut[0]:ut[i];u!=null&&Ct(u,-10,-10,Y,R)}}function Nt(i,r,u){il(i,{min:r,max:u})}function Tt(i,r,u,d){r.focus!=null&&ma(i),r.show!=null&&S.forEach((h,m)=>{m>0&&(i==m||i==null)&&(h.show=r.show,ca(m),l==2?(Nt(h.facets[0].scale,null,null),Nt(h.facets[1].scale,null,null)):Nt(h.scale,null,null),Tn())}),u!==!1&&De("setSeries",i,r),d&&Zn("setSeries",n,i,r)}n.setSeries=Tt;function fa(i,r){Me(q[i],r)}function da(i,r){i.fill=ee(i.fill||null),i.dir=le(i.dir,-1),r=r??q.length,q.splice(r,0,i)}function pa(i){i==null?q.length=0:q.splice(i,1)}n.addBand=da,n.setBand=fa,n.delBand=pa;function ha(i,r){S[i].alpha=r,Be&&ut[i]!=null&&(ut[i].style.opacity=r),Ee&&Se[i]&&(Se[i].style.opacity=r)}let It,Ht,en,Ln={focus:!0};function ma(i){if(i!=en){let r=i==null,u=_t.alpha!=1;S.forEach((d,h)=>{if(l==1||h>0){let m=r||h==0||h==i;d._focus=r?null:m,u&&ha(h,m?1:_t.alpha)}}),en=i,u&&Tn()}}Ee&&vn&&We(Xi,oe,i=>{z._lock||(Qt(i),en!=null&&Tt(null,Ln,!0,Ae.setSeries))});function At(i,r,u){let d=_[r];u&&(i=i/re-(d.ori==1?Re:he));let h=Y;d.ori==1&&(h=R,i=h-i),d.dir==-1&&(i=h-i);let m=d._min,v=d._max,x=i/h,k=m+(v-m)*x,A=d.distr;return A==3?Dn(10,k):A==4?uu(k,d.asinh):A==100?d.bwd(k):k}function ga(i,r){let u=At(i,P,r);return yt(u,e[0],Pe,Ie)}n.valToIdx=i=>yt(i,e[0]),n.posToIdx=ga,n.posToVal=At,n.valToPos=(i,r,u)=>_[r].ori==0?a(i,_[r],u?qe:Y,u?Qe:0):o(i,_[r],u?mt:R,u?ot:0),n.setCursor=(i,r,u)=>{me=i.left,ke=i.top,tn(null,r,u)};function Si(i,r){ve(Cn,In,ge.left=i),ve(Cn,es,ge.width=r)}function _i(i,r){ve(Cn,"top",ge.top=i),ve(Cn,ts,ge.height=r)}let Kn=T.ori==0?Si:_i,qn=T.ori==1?Si:_i;function ba(){if(Ee&&Z.live)for(let i=l==2?1:0;i<S.length;i++){if(i==0&&rt)continue;let r=Z.values[i],u=0;for(let d in r)kt[i][u++].firstChild.nodeValue=r[d]}}function al(i,r){if(i!=null&&(i.idxs?i.idxs.forEach((u,d)=>{ue[d]=u}):pu(i.idx)||ue.fill(i.idx),Z.idx=ue[0]),Ee&&Z.live){for(let u=0;u<S.length;u++)(u>0||l==1&&!rt)&&wa(u,ue[u]);ba()}at=!1,r!==!1&&De("setLegend")}n.setLegend=al;function wa(i,r){let u=S[i],d=i==0&&K==2?gt:e[i],h;rt?h=u.values(n,i,r)??Dt:(h=u.value(n,r==null?null:d[r],i,r),h=h==null?Dt:{_:h}),Z.values[i]=h}function tn(i,r,u){xi=me,ki=ke,[me,ke]=z.move(n,me,ke),z.left=me,z.top=ke,Be&&(An&&Ct(An,Ce(me),0,Y,R),Mn&&Ct(Mn,0,Ce(ke),Y,R));let d,h=Pe>Ie;It=de,Ht=null;let m=T.ori==0?Y:R,v=T.ori==1?Y:R;if(me<0||Ne==0||h){d=z.idx=null;for(let x=0;x<S.length;x++){let k=ut[x];k!=null&&Ct(k,-10,-10,Y,R)}vn&&Tt(null,Ln,!0,i==null&&Ae.setSeries),Z.live&&(ue.fill(d),at=!0)}else{let x,k,A;l==1&&(x=T.ori==0?me:ke,k=At(x,P),d=z.idx=yt(k,e[0],Pe,Ie),A=I(e[0][d],T,m,0));let M=-10,C=-10,U=0,ie=0,se=!0,Q="",V="";for(let O=l==2?1:0;O<S.length;O++){let be=S[O],_e=ue[O],$e=_e==null?null:l==1?e[O][_e]:e[O][1][_e],ce=z.dataIdx(n,O,d,k),Te=ce==null?null:l==1?e[O][ce]:e[O][1][ce];if(at=at||Te!=$e||ce!=_e,ue[O]=ce,O>0&&be.show){let Xe=ce==null?-10:ce==d?A:I(l==1?e[0][ce]:e[O][0][ce],T,m,0),Ue=Te==null?-10:W(Te,l==1?_[be.scale]:_[be.facets[1].scale],v,0);if(vn&&Te!=null){let ct=T.ori==1?me:ke,bt=Le(_t.dist(n,O,ce,Ue,ct));if(bt<It){let Mt=_t.bias;if(Mt!=0){let et=At(ct,be.scale),ft=Te>=0?1:-1,wt=et>=0?1:-1;wt==ft&&(wt==1?Mt==1?Te>=et:Te<=et:Mt==1?Te<=et:Te>=et)&&(It=bt,Ht=O)}else It=bt,Ht=O}}if(at||yn){let ct,bt;T.ori==0?(ct=Xe,bt=Ue):(ct=Ue,bt=Xe);let Mt,et,ft,wt,Et,Ge,tt=!0,nn=Ve.bbox;if(nn!=null){tt=!1;let je=nn(n,O);ft=je.left,wt=je.top,Mt=je.width,et=je.height}else ft=ct,wt=bt,Mt=et=Ve.size(n,O);if(Ge=Ve.fill(n,O),Et=Ve.stroke(n,O),yn)O==Ht&&It<=_t.prox&&(M=ft,C=wt,U=Mt,ie=et,se=tt,Q=Ge,V=Et);else{let je=ut[O];je!=null&&(xn[O]=ft,kn[O]=wt,rr(je,Mt,et,tt),lr(je,Ge,Et),Ct(je,pt(ft),pt(wt),Y,R))}}}}if(yn){let O=_t.prox,be=en==null?It<=O:It>O||Ht!=en;if(at||be){let _e=ut[0];_e!=null&&(xn[0]=M,kn[0]=C,rr(_e,U,ie,se),lr(_e,Q,V),Ct(_e,pt(M),pt(C),Y,R))}}}if(ge.show&&Ft)if(i!=null){let[x,k]=Ae.scales,[A,M]=Ae.match,[C,U]=i.cursor.sync.scales,ie=i.cursor.drag;if(ze=ie._x,Oe=ie._y,ze||Oe){let{left:se,top:Q,width:V,height:O}=i.select,be=i.scales[C].ori,_e=i.posToVal,$e,ce,Te,Xe,Ue,ct=x!=null&&A(x,C),bt=k!=null&&M(k,U);ct&&ze?(be==0?($e=se,ce=V):($e=Q,ce=O),Te=_[x],Xe=I(_e($e,C),Te,m,0),Ue=I(_e($e+ce,C),Te,m,0),Kn(xt(Xe,Ue),Le(Ue-Xe))):Kn(0,m),bt&&Oe?(be==1?($e=se,ce=V):($e=Q,ce=O),Te=_[k],Xe=W(_e($e,U),Te,v,0),Ue=W(_e($e+ce,U),Te,v,0),qn(xt(Xe,Ue),Le(Ue-Xe))):qn(0,v)}else fl()}else{let x=Le(xi-vi),k=Le(ki-yi);if(T.ori==1){let U=x;x=k,k=U}ze=He.x&&x>=He.dist,Oe=He.y&&k>=He.dist;let A=He.uni;A!=null?ze&&Oe&&(ze=x>=A,Oe=k>=A,!ze&&!Oe&&(k>x?Oe=!0:ze=!0)):He.x&&He.y&&(ze||Oe)&&(ze=Oe=!0);let M,C;ze&&(T.ori==0?(M=En,C=me):(M=Rn,C=ke),Kn(xt(M,C),Le(C-M)),Oe||qn(0,v)),Oe&&(T.ori==1?(M=En,C=me):(M=Rn,C=ke),qn(xt(M,C),Le(C-M)),ze||Kn(0,m)),!ze&&!Oe&&(Kn(0,0),qn(0,0))}if(He._x=ze,He._y=Oe,i==null){if(u){if(Oi!=null){let[x,k]=Ae.scales;Ae.values[0]=x!=null?At(T.ori==0?me:ke,x):null,Ae.values[1]=k!=null?At(T.ori==1?me:ke,k):null}Zn(Tl,n,me,ke,Y,R,d)}if(vn){let x=u&&Ae.setSeries,k=_t.prox;en==null?It<=k&&Tt(Ht,Ln,!0,x):It>k?Tt(null,Ln,!0,x):Ht!=en&&Tt(Ht,Ln,!0,x)}}at&&(Z.idx=d,al()),r!==!1&&De("setCursor")}let Vt=null;Object.defineProperty(n,"rect",{get(){return Vt==null&&Jn(!1),Vt}});function Jn(i=!1){i?Vt=null:(Vt=L.getBoundingClientRect(),De("syncRect",Vt))}function Ti(i,r,u,d,h,m,v){z._lock||Ft&&i!=null&&i.movementX==0&&i.movementY==0||(ul(i,r,u,d,h,m,v,!1,i!=null),i!=null?tn(null,!0,!0):tn(r,!0,!1))}function ul(i,r,u,d,h,m,v,x,k){if(Vt==null&&Jn(!1),Qt(i),i!=null)u=i.clientX-Vt.left,d=i.clientY-Vt.top;else{if(u<0||d<0){me=-10,ke=-10;return}let[A,M]=Ae.scales,C=r.cursor.sync,[U,ie]=C.values,[se,Q]=C.scales,[V,O]=Ae.match,be=r.axes[0].side%2==1,_e=T.ori==0?Y:R,$e=T.ori==1?Y:R,ce=be?m:h,Te=be?h:m,Xe=be?d:u,Ue=be?u:d;if(se!=null?u=V(A,se)?c(U,_[A],_e,0):-10:u=_e*(Xe/ce),Q!=null?d=O(M,Q)?c(ie,_[M],$e,0):-10:d=$e*(Ue/Te),T.ori==1){let ct=u;u=d,d=ct}}k&&(r==null||r.cursor.event.type==Tl)&&((u<=1||u>=Y-1)&&(u=on(u,Y)),(d<=1||d>=R-1)&&(d=on(d,R))),x?(vi=u,yi=d,[En,Rn]=z.move(n,u,d)):(me=u,ke=d)}let cl={width:0,height:0,left:0,top:0};function fl(){gs(cl,!1)}let Ai,Mi,Ei,Ri;function Ci(i,r,u,d,h,m,v){Ft=!0,ze=Oe=He._x=He._y=!1,ul(i,r,u,d,h,m,v,!0,!1),i!=null&&(We(Al,Ll,Li,!1),Zn(Zi,n,En,Rn,Y,R,null));let{left:x,top:k,width:A,height:M}=ge;Ai=x,Mi=k,Ei=A,Ri=M}function Li(i,r,u,d,h,m,v){Ft=He._x=He._y=!1,ul(i,r,u,d,h,m,v,!1,!0);let{left:x,top:k,width:A,height:M}=ge,C=A>0||M>0,U=Ai!=x||Mi!=k||Ei!=A||Ri!=M;if(C&&U&&gs(ge),He.setScale&&C&&U){let ie=x,se=A,Q=k,V=M;if(T.ori==1&&(ie=k,se=M,Q=x,V=A),ze&&Nt(P,At(ie,P),At(ie+se,P)),Oe)for(let O in _){let be=_[O];O!=P&&be.from==null&&be.min!=de&&Nt(O,At(Q+V,O),At(Q,O))}fl()}else z.lock&&(z._lock=!z._lock,tn(r,!0,i!=null));i!=null&&(gn(Al,Ll),Zn(Al,n,me,ke,Y,R,null))}function va(i,r,u,d,h,m,v){if(z._lock)return;Qt(i);let x=Ft;if(Ft){let k=!0,A=!0,M=10,C,U;T.ori==0?(C=ze,U=Oe):(C=Oe,U=ze),C&&U&&(k=me<=M||me>=Y-M,A=ke<=M||ke>=R-M),C&&k&&(me=me<En?0:Y),U&&A&&(ke=ke<Rn?0:R),tn(null,!0,!0),Ft=!1}me=-10,ke=-10,ue.fill(null),tn(null,!0,!0),x&&(Ft=x)}function Pi(i,r,u,d,h,m,v){z._lock||(Qt(i),Ys(),fl(),i!=null&&Zn(er,n,me,ke,Y,R,null))}function Ii(){N.forEach(Rc),js(n.width,n.height,!0)}cn(Rs,On,Ii);let Pn={};Pn.mousedown=Ci,Pn.mousemove=Ti,Pn.mouseup=Li,Pn.dblclick=Pi,Pn.setSeries=(i,r,u,d)=>{let h=Ae.match[2];u=h(n,r,u),u!=-1&&Tt(u,d,!0,!1)},Be&&(We(Zi,L,Ci),We(Tl,L,Ti),We(Qi,L,i=>{Qt(i),Jn(!1)}),We(Xi,L,va),We(er,L,Pi),Nl.add(n),n.syncRect=Jn);let bs=n.hooks=t.hooks||{};function De(i,r,u){ll?Yn.push([i,r,u]):i in bs&&bs[i].forEach(d=>{d.call(null,n,r,u)})}(t.plugins||[]).forEach(i=>{for(let r in i.hooks)bs[r]=(bs[r]||[]).concat(i.hooks[r])});let zi=(i,r,u)=>u,Ae=Me({key:null,setSeries:!1,filters:{pub:fr,sub:fr},scales:[P,S[1]?S[1].scale:null],match:[dr,dr,zi],values:[null,null]},z.sync);Ae.match.length==2&&Ae.match.push(zi),z.sync=Ae;let Oi=Ae.key,dl=ao(Oi);function Zn(i,r,u,d,h,m,v){Ae.filters.pub(i,r,u,d,h,m,v)&&dl.pub(i,r,u,d,h,m,v)}dl.sub(n);function ya(i,r,u,d,h,m,v){Ae.filters.sub(i,r,u,d,h,m,v)&&Pn[i](null,r,u,d,h,m,v)}n.pub=ya;function xa(){dl.unsub(n),Nl.delete(n),Yt.clear(),zl(Rs,On,Ii),f.remove(),oe?.remove(),De("destroy")}n.destroy=xa;function pl(){De("init",t,e),fi(e||t.data,!1),F[P]?il(P,F[P]):Ys(),cs=ge.show&&(ge.width>0||ge.height>0),Zt=at=!0,js(t.width,t.height)}return S.forEach(ui),N.forEach(Xo),s?s instanceof HTMLElement?(s.appendChild(f),pl()):s(n,pl):pl(),n}Fe.assign=Me;Fe.fmtNum=jl;Fe.rangeNum=Cs;Fe.rangeLog=Is;Fe.rangeAsinh=Ul;Fe.orient=dn;Fe.pxRatio=re;Fe.join=yu;Fe.fmtDate=Kl,Fe.tzDate=Lu;Fe.sync=ao;{Fe.addGap=pc,Fe.clipGaps=Ds;let t=Fe.paths={points:mo};t.linear=bo,t.stepped=gc,t.bars=bc,t.spline=vc}var pn=new Map,Hs=new WeakSet,ti=!1,xo=new IntersectionObserver(t=>{for(let{target:e,isIntersecting:s}of t)s?Hs.add(e):Hs.delete(e);ni()});function ni(){ti||![...pn.keys()].some(t=>Hs.has(t))||(ti=!0,requestAnimationFrame(()=>{ti=!1;let t=[...pn].find(([e])=>Hs.has(e));t!==void 0&&(pn.delete(t[0]),t[1]()),ni()}))}var ko=t=>xo.observe(t);function So(t,e){pn.set(t,e),ni()}function _o(t){let e=pn.get(t);pn.delete(t),e?.()}function To(t){xo.unobserve(t),pn.delete(t)}var Ao=60,Cc=150,si="12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",Lc=t=>new Date(t).toISOString().slice(0,19)+"Z",Pc=t=>t.length>21?`${t.slice(0,20)}…`:t,Vs=class{constructor(e){this.frame=e;this.drawing=y("div",{class:"drawing",tabindex:0,role:"group","aria-roledescription":"chart","aria-label":`${e.title}. Arrow keys walk through the runs; the same is there as a table.`,keydown:n=>this.walk(n),blur:()=>this.moveTo(null)}),this.toggle=y("button",{type:"button","aria-pressed":"false",click:()=>this.turn()},"Table");let s=y("button",{type:"button",click:()=>this.keep(),"aria-label":`CSV of ${e.title}`},"CSV");this.element=y("section",{class:"card","data-picture":e.name,"aria-label":e.title},y("header",{},y("div",{class:"heading"},y("h2",{},e.title),y("p",{},e.question)),y("div",{class:"actions"},this.choices,this.toggle,s)),this.readout,this.drawing,this.table,this.below),this.resized=new ResizeObserver(()=>this.fit()),this.resized.observe(this.drawing),ko(this.drawing)}frame;element;choices=y("div",{class:"choices"});below=y("div",{class:"below"});drawing;readout=y("div",{class:"readout"});table=y("div",{class:"table",hidden:!0});toggle;resized;shown=null;plot=null;at=null;tableRows=Ao;show(e){this.shown?.runs.length!==e.runs.length&&(this.at=null),this.shown=e,this.tell(),this.table.hidden||this.fillTable(),So(this.drawing,()=>this.paint())}paint(){let e=this.shown;if(e===null)return;this.plot?.destroy(),this.plot=null,this.drawing.replaceChildren(),e.rows.every(n=>n.values.every(l=>l===null))?this.drawing.append(y("p",{class:"empty"},e.empty)):this.draw(e)}destroy(){this.resized.disconnect(),To(this.drawing),this.plot?.destroy()}get width(){return Math.max(this.drawing.clientWidth,200)}fit(){this.plot!==null&&this.drawing.clientWidth>0&&this.plot.width!==this.width&&this.plot.setSize({width:this.width,height:this.frame.height})}draw(e){let n=[e.runs.map((l,a)=>a),...e.rows.map(l=>l.drawn??l.values)];this.plot=new Fe(this.options(e),n,this.drawing)}options(e){let{at:s}=this,n=this.frame.colours(),l=new Wt(e.runs.map(c=>c.date)),a=Math.max(e.runs.length-1,0),o=e.hasEndLabels===!0&&this.width>560;return{width:this.width,height:this.frame.height,padding:[10,o?Cc:14,0,0],legend:{show:!1},cursor:{y:!1,drag:{x:!1,y:!1},points:{size:9,width:2,fill:n.panel,stroke:(c,p)=>String(c.series[p]?.stroke instanceof Function?e.rows[p-1]?.colour:n.text)},sync:{key:this.frame.sync,setSeries:!1}},scales:{x:{time:!1,range:[-.6,a+.6]},y:e.isLog?{distr:3,range:(c,p,f)=>zc(p,f)}:{range:(c,p,f)=>Oc(p,f,e)}},axes:[{stroke:n.text,font:si,grid:{show:!1},ticks:{show:!1},gap:8,size:30,space:76,incrs:[1,2,3,7,14,28,56,91,182],values:(c,p)=>p.map(f=>e.runs[f]?l.brief(e.runs[f].date):"")},{stroke:n.text,font:si,grid:{stroke:n.grid,width:1},ticks:{show:!1},gap:6,size:56,space:44,splits:e.isLog?(c,p,f,b)=>Ic(f,b):void 0,values:(c,p)=>p.map(f=>f===null?"":e.axis(f))}],series:[{},...e.rows.map(c=>Dc(c,e.runs.length))],hooks:{ready:s===null?[]:[()=>this.moveTo(s)],setCursor:[c=>this.pointed(c.cursor.idx??null)],draw:o?[c=>Fc(c,e.rows)]:[],drawAxes:e.isAboutZero?[c=>$c(c,n)]:[]}}}pointed(e){e!==this.at&&(this.at=e,this.tell())}walk(e){let s=(this.shown?.runs.length??0)-1,n=this.at??s+1,l={ArrowLeft:n-1,ArrowRight:n+1,Home:0,End:s}[e.key];e.key==="Escape"&&this.moveTo(null),!(l===void 0||this.shown===null)&&(e.preventDefault(),this.readout.setAttribute("aria-live","polite"),this.pointed(Math.min(Math.max(l,0),s)),this.plot===null?_o(this.drawing):this.moveTo(this.at))}moveTo(e){this.plot!==null&&(e===null?this.plot.setCursor({left:-10,top:-10}):this.plot.setCursor({left:this.plot.valToPos(e,"x"),top:10}))}tell(){let e=this.shown;if(e===null)return;let s=e.runs.findLastIndex((f,b)=>e.rows.some(g=>(g.values[b]??null)!==null)),n=this.at??s,l=e.runs[n];if(this.readout.replaceChildren(),l===void 0)return;let a=new Wt(e.runs.map(f=>f.date)),c=e.rows.some(f=>(f.values[n]??null)!==null)?"":` (${[...new Set(l.states)].join(", ")||"nothing told"})`,p=y("span",{class:"when"},Qn(a.full(l.date)+c,this.frame.address(l),`Run of ${a.full(l.date)}`));this.readout.append(p,...e.rows.map(f=>this.value(f,e.format(f.values[n]??null))))}value(e,s){let n=e.button,l=n&&y("button",{type:"button",class:"drop","aria-label":n.label,click:n.press},"×"),a=y("i",{class:`mark ${e.as}`,"aria-hidden":"true"});return a.style.setProperty("--colour",e.colour),e.dash?.length&&a.classList.add(e.dash[0]===7?"dashed":"dotted"),y("span",{class:"value"},a,y("span",{class:"name"},e.label),y("b",{},s),l)}turn(){this.table.hidden=!this.table.hidden,this.drawing.hidden=!this.table.hidden,this.toggle.setAttribute("aria-pressed",String(!this.table.hidden)),this.toggle.textContent=this.table.hidden?"Table":"Picture",this.table.hidden?this.fit():this.fillTable()}fillTable(){let e=this.shown;if(e===null)return;let s=new Wt(e.runs.map(f=>f.date)),n=y("tbody"),l=e.runs.map((f,b)=>({run:f,at:b})).reverse();for(let{run:f,at:b}of l.slice(0,this.tableRows)){let g=e.rows.map(E=>y("td",{},e.format(E.values[b]??null))),w=y("th",{scope:"row"},Qn(s.full(f.date),this.frame.address(f)));n.append(y("tr",{},w,y("td",{class:"state"},[...new Set(f.states)].join(", ")),...g))}let a=["Run","State",...e.rows.map(f=>f.label)],o=y("thead",{},y("tr",{},...a.map(f=>y("th",{scope:"col"},f)))),c=y("button",{type:"button",class:"more",click:()=>this.moreRows()},"Show more runs"),p=l.length>this.tableRows;this.table.replaceChildren(y("table",{},y("caption",{class:"unseen"},this.frame.title),o,n),...p?[c]:[])}moreRows(){this.tableRows+=4*Ao,this.fillTable()}keep(){let e=this.shown;if(e===null)return;let s=[["run_id","date","state",...e.rows.map(n=>n.label)]];e.runs.forEach((n,l)=>{s.push([n.id,Lc(n.date),[...new Set(n.states)].join(" "),...e.rows.map(a=>a.values[l]??null)])}),xs(`voucherify_${this.frame.name}.csv`,Ss(s))}};function Ic(t,e){let[s,n]=[Math.ceil(Math.log10(t)-1e-9),Math.floor(Math.log10(e)+1e-9)];return Array.from({length:n-s+1},(l,a)=>10**(s+a))}function zc(t,e){let s=10**Math.floor(Math.log10(Math.max(t,1)));return[s,Math.max(10**Math.ceil(Math.log10(Math.max(e,1))+1e-9),s*10)]}function Oc(t,e,s){if(t===null||e===null)return[0,1];if(s.isAboutZero){let a=Math.max(Math.abs(t),Math.abs(e),1)*1.08;return[t<0?Math.min(t*1.08,-a*.12):0,e>0?Math.max(e*1.08,a*.12):0]}let n=s.rows.every(a=>a.as==="line")&&t>.7*e,l=(e-t)*.12||e*.05||1;return[n?t-l:0,e+l]}function Dc(t,e){let s={label:t.label,stroke:t.colour,spanGaps:t.as==="step"},n=Fe.paths.bars?.({size:[.72,26],radius:e<120?.12:0});switch(t.as){case"bar":return{...s,fill:t.colour,width:0,paths:n,points:{show:!1}};case"point":return{...s,paths:()=>null,points:{show:!0,size:e>150?4:7,fill:t.colour,width:0}};case"step":return{...s,width:1.5,dash:[5,4],points:{show:e<3,size:7,fill:t.colour}};default:return{...s,width:2,dash:t.dash?.length?t.dash:void 0,points:{show:e<3,size:7,fill:t.colour}}}}function $c(t,e){let s=Math.round(t.valToPos(0,"y",!0));t.ctx.save(),t.ctx.fillStyle=e.muted,t.ctx.fillRect(t.bbox.left,s,t.bbox.width,Math.max(devicePixelRatio,1)),t.ctx.restore()}function Fc(t,e){let s=[];for(let p of e){let f=p.values.findLast(b=>b!==null);f!=null&&s.push({y:t.valToPos(f,"y",!0),row:p})}s.sort((p,f)=>p.y-f.y);let n=devicePixelRatio,l=16*n,a=t.bbox.top+t.bbox.height,o=t.bbox.top-l/2;s.forEach(p=>{p.y=Math.max(p.y,o),o=p.y+l});for(let p=s.length-1,f=a;p>=0;p--,f-=l){let b=s[p];b!==void 0&&(b.y=Math.min(b.y,f))}let{ctx:c}=t;c.save(),c.font=si.replace("12px",`${12*n}px`),c.textBaseline="middle",c.textAlign="left";for(let{y:p,row:f}of s)c.fillStyle=f.colour,c.fillText(Pc(f.label),t.bbox.left+t.bbox.width+6*n,p);c.restore()}var Nc={lines:["#0B66B0","#C44E00","#0A7D5B","#A23B87","#8A6400","#5A49C8","#B0243B","#44566C"],up:"#0B66B0",down:"#D8741A",muted:"#7A8494",grid:"#E9ECF1",text:"#545E6E",panel:"#FFFFFF",ways:{per_customer:"#C44E00",per_segment:"#0B66B0",export:"#0A7D5B"}},Hc={lines:["#5CB3F4","#FF9A52","#3FCF9F","#E68DCB","#E9C349","#A99BFF","#FF7F86","#A3B5CB"],up:"#5CB3F4",down:"#FFA45E",muted:"#7F8A9B",grid:"rgba(150, 170, 200, 0.16)",text:"#9DA7B6",panel:"#161A21",ways:{per_customer:"#FF9A52",per_segment:"#5CB3F4",export:"#3FCF9F"}},li=8,Mo=[[],[],[],[],[7,4],[7,4],[2,3],[2,3]],Eo=t=>t==="dark"?Hc:Nc;function ii(t){return t==="host"?document.documentElement.classList.contains("dark")?"dark":"light":matchMedia("(prefers-color-scheme: dark)").matches?"dark":"light"}function Ro(t,e){if(t==="host"){let n=new MutationObserver(e);return n.observe(document.documentElement,{attributeFilter:["class"]}),()=>n.disconnect()}let s=matchMedia("(prefers-color-scheme: dark)");return s.addEventListener("change",e),()=>s.removeEventListener("change",e)}var Wn="No run told anything yet.",Co=t=>t===null?null:-t,Vc=(t,e)=>t===null&&e===null?null:(t??0)+(e??0);function Lo(t,e,s,n,l){let a=s.map(({segment:c,slot:p})=>{let f=t.segments[c]?.name??"",b={label:`Take ${f} out of the picture`,press:()=>l(c)},g=e.map(w=>ln(w,c));return{label:f,colour:n.lines[p]??n.text,values:g,as:"line",dash:Mo[p],button:b}}),o=s.length===0&&t.segments.length>0?"Choose a segment in the list.":Wn;return{runs:e,rows:a,format:we,axis:Ut,hasEndLabels:!0,empty:o}}function Po(t,e,s,n){if(!t.tellsMoves)return Bc(t,e,s,n);let l=(f,b)=>!f.numbers||!(b in f.numbers)?null:s===null?fe(f,b):s.reduce((g,{segment:w})=>g+(f[b][w]??0),0),a=e.map(f=>l(f,"entered")),o=e.map(f=>l(f,"left")),c=a.map((f,b)=>ri(e[b])?null:f),p=[{label:"Entered",colour:n.up,values:a,drawn:c,as:"bar"},{label:"Left",colour:n.down,values:o,drawn:o.map(Co),as:"bar"}];return{runs:e,rows:p,format:we,axis:f=>Ut(Math.abs(f)),isAboutZero:!0,empty:Wn}}var ri=t=>t?.numbers?.left===0&&t.numbers.entered===t.numbers.memberships&&t.numbers.entered!==0,Io=(t,e)=>t.map(s=>ri(s)?null:fe(s,e));function zo(t){let e=t.find(ri);return e?`A history begins with everybody entering: ${we(fe(e,"entered"))} in its first run, which is not drawn.`:""}function Bc(t,e,s,n){let l=f=>s===null?fe(f,"memberships"):f.numbers&&s.reduce((b,{segment:g})=>b+(ln(f,g)??0),0),a=e.map(f=>{let b=t.toldBefore(f),g=l(f);return g===null||b===void 0?null:g-(l(b)??0)}),o=f=>a.map(b=>b!==null&&b*f>0?b:null),c=[{label:"Grew by",colour:n.up,values:o(1),as:"bar"},{label:"Shrank by",colour:n.down,values:o(-1),as:"bar"}],p=e.some(f=>f.numbers)?"It takes two runs to see a change.":Wn;return{runs:e,rows:c,format:rn,axis:Ut,isAboutZero:!0,empty:p}}var Wc={per_customer:"Asked one by one",per_segment:"Listed by segment",export:"Exported"};function Oo(t,e){let s=t.map(c=>fe(c,"calls")===null?null:fe(c,"customers")||null),n=[{label:"One by one it takes",colour:e.muted,values:s,as:"step"}],l=t.map(c=>fe(c,"calls")),a=[...new Set(t.flatMap(c=>c.strategies))].sort();for(let c of a){let p=t.map((b,g)=>b.strategies[0]===c?l[g]??null:null),f=Wc[c]??c;n.push({label:f,colour:e.ways[c]??e.text,values:p,drawn:p.map(b=>b||null),as:"point"})}let o=t.map((c,p)=>c.strategies.length===0?l[p]??null:null);return o.some(c=>c!==null)&&n.push({label:"Held from before",colour:e.text,values:o,drawn:o.map(c=>c||null),as:"point"}),{runs:t,rows:n,format:we,axis:Ut,isLog:!0,empty:Wn}}function Do(t,e){let s=t.map(o=>fe(o,"duration_seconds")),n=t.map(o=>fe(o,"waited_seconds")??(fe(o,"duration_seconds")===null?null:0)),l=s.map((o,c)=>o===null?null:Math.max(o-(n[c]??0),0)),a=[{label:"Waited for the rate limit",colour:e.down,values:n,drawn:l.map((o,c)=>Vc(o,n[c]??null)),as:"bar"},{label:"At work",colour:e.up,values:l,as:"bar"}];return{runs:t,rows:a,format:xl,axis:o=>o===0?"0":xl(o).replace(".0 s"," s").replace(" 0 s",""),empty:Wn}}function rs(t){let e=fe(t,"published");return e===null?null:e-(fe(t,"published_before")??0)}function $o(t,e){let s=t.map(l=>{let a=["unknown","failed","no_voucher"].map(o=>fe(l,o));return a.every(o=>o===null)?null:a.reduce((o,c)=>o+(c??0),0)}),n=[{label:"Given",colour:e.up,values:t.map(rs),as:"bar"},{label:"Refused",colour:e.down,values:s,drawn:s.map(Co),as:"bar"}];return{runs:t,rows:n,format:we,axis:l=>Ut(Math.abs(l)),isAboutZero:!0,empty:Wn}}var Fo=12,No=60,Uc=60,Ho={size:["Largest first",(t,e)=>e.size-t.size],change:["Changed most",(t,e)=>Math.abs(e.change??0)-Math.abs(t.change??0)],name:["By name",(t,e)=>t.name.localeCompare(e.name)]},Bs=class{constructor(e){this.frame=e;let s=y("button",{type:"button",click:()=>this.keep(),"aria-label":"CSV of the last run"},"CSV");this.element=y("section",{class:"card segments","data-picture":"last_run","aria-label":"The last run"},y("header",{},y("div",{class:"heading"},y("h2",{},"The last run"),this.when),y("div",{class:"actions"},s)),y("div",{class:"finding"},this.search,this.order),this.list,this.more,this.status)}frame;element;when=y("p");list=y("ol",{class:"bars"});status=y("p",{class:"hint",role:"status"});more=y("button",{type:"button",class:"more",click:()=>this.showMore()});search=y("input",{type:"search",placeholder:"Search segments","aria-label":"Search segments",input:()=>this.begin()});order=y("select",{"aria-label":"Order of segments",change:()=>this.begin()},...Object.entries(Ho).map(([e,[s]])=>y("option",{value:e},s)));history=null;lines=[];limit=Fo;show(e){this.history=e;let s=e.lastTold(),n=s&&e.toldBefore(s);this.lines=e.segments.map(({id:a,name:o},c)=>{let p=ln(s,c)??0,f=ln(n,c);return{at:c,id:a,name:o,size:p,change:f===null?null:p-f}}).filter(a=>a.size>0||(a.change??0)!==0);let l=new Wt(e.runs.map(a=>a.date));this.when.replaceChildren(...s?[Qn(l.full(s.date),this.frame.address(s)),": customers in each segment"]:["No run told anything yet"]),this.draw()}get found(){let e=this.search.value.trim().toLowerCase();return(e===""?[...this.lines]:this.lines.filter(n=>n.name.toLowerCase().includes(e))).sort((n,l)=>Ho[this.order.value][1](n,l)||l.size-n.size||(n.id<l.id?-1:1))}begin(){this.limit=Fo,this.draw()}showMore(){this.limit+=No,this.draw()}draw(){let e=this.found,s=this.lines.reduce((c,p)=>Math.max(c,p.size),1);this.list.replaceChildren(...e.slice(0,this.limit).map(c=>this.bar(c,s)));let n=e.length-this.limit;this.more.hidden=n<=0,this.more.textContent=`Show ${Math.min(n,No)} more`;let l=Math.min(e.length,this.limit),a=this.search.value.trim()!=="",o=`${we(l)} of ${we(e.length)}${a?` found among ${we(this.lines.length)}`:" segments"}`;this.status.textContent=e.length===0?"No segment has that in its name":o}bar(e,s){let n=this.frame.colourOf(e.at),l=this.history?.ordered().slice(-Uc)??[],a=y("i");a.style.width=`${100*e.size/s}%`;let o=e.change===null?"":`, ${rn(e.change)} since the run before`,c=y("button",{type:"button","aria-pressed":String(n!==null),"aria-label":`${e.name}: ${we(e.size)} customers${o}`,title:e.name,click:()=>this.frame.press(e.at)},y("span",{class:"dot"}),y("span",{class:"name"},y("span",{},e.name),y("span",{class:"track"},a)),ys(l.map(p=>ln(p,e.at)),64,24),y("span",{class:"size"},we(e.size)),y("span",{class:`change ${(e.change??0)>0?"up":(e.change??0)<0?"down":""}`},e.change===null?"":rn(e.change)));return n!==null&&c.style.setProperty("--colour",n),y("li",{"data-segment":e.id},c)}keep(){let e=[["segment_id","segment_name","customers","change"]];e.push(...this.found.map(s=>[s.id,s.name,s.size,s.change])),xs("voucherify_last_run.csv",Ss(e))}};var Gc=60;function Vo(t){let e=t.ordered(),s=t.lastTold();if(s===void 0)return[];let n=t.toldBefore(s),l=c=>e.map(p=>fe(p,c)),a=c=>{let[p,f]=[fe(s,c),fe(n,c)];return p===null||f===null?"first run":`${rn(p-f)} since the run before`},o=[os("Customers asked about",we(fe(s,"customers")),a("customers"),l("customers")),os("Memberships",we(fe(s,"memberships")),a("memberships"),l("memberships"))];if(t.tellsMoves){let c=`+${we(fe(s,"entered"))}  −${we(fe(s,"left"))}`;o.push(os("Entered, left",c,"in the last run",Io(e,"entered")))}return o.push(os("Calls",we(fe(s,"calls")),jc(s),l("calls"))),o}function Bo(t){let e=t.ordered(),s=e.reduce((l,a)=>l+(rs(a)??0),0),n=t.lastTold();return os("Vouchers given",we(s),n?`${we(rs(n))} in the last run`:"none yet",e.map(rs))}function jc(t){let[e,s]=[fe(t,"calls")??0,fe(t,"customers")??0];if(e===0)return"held from an earlier try";if(s<=e)return"asked one by one";let n=s/e;return`${n>=2?`${Ut(Math.round(n))} times`:ks(s-e,s)} fewer than one by one`}function os(t,e,s,n){return y("div",{class:"tile"},y("p",{class:"label"},t),y("p",{class:"number"},e),y("p",{class:"note"},s),n.filter(l=>l!==null).length>1&&ys(n.slice(-Gc),120,34))}var Yc=6,Kc=[[30,"30","Last 30 runs"],[90,"90","Last 90 runs"],[365,"365 runs","Last 365 runs"]],qc=400,Ws=class{constructor(e,s,n){this.root=e;this.source=s;this.options=n;this.most=n.runs,this.ranges=bl("Runs",Kc,this.most,l=>this.chooseRange(l)),this.colours=this.themed(),this.unwatch=Ro(n.follows,()=>this.changeTheme()),this.segments=new Bs({colourOf:l=>this.colourOf(l),press:l=>this.toggle(l),address:l=>this.address(l)}),this.shown={sizes:this.picture("sizes","Sizes of segments","Customers in each chosen segment, run by run","pull"),moves:this.picture("moves","Who entered and left","Customers who came into a segment and who went out of it","pull"),calls:this.picture("calls","Calls to Voucherify","What each run took, and what asking one by one takes (each step is ten times as many)","pull"),time:this.picture("time","Duration and waits","Time at work, without deferred time","pull"),publications:this.picture("publications","Vouchers given and refused","Codes published, and customers who got none","publish")},this.shown.calls.below.append(this.month.element),this.note.textContent=n.note,this.lay()}root;source;options;tasks=[];task=null;entries=[];pulled=new Bt;published=new Bt;publishing=[];most;mapIndex=null;slots=null;scope="all";stopReading=new AbortController;drawnAt=0;timer;colours;unwatch;status=y("p",{class:"status",role:"status"});bar=y("i");note=y("p");message=y("div",{class:"message",role:"alert",hidden:!0});taskChoice=y("select",{"aria-label":"Task",change:()=>this.choose(Number(this.taskChoice.value))});mapChoice=y("select",{"aria-label":"Mapped task",hidden:!0,change:()=>this.chooseMap()});ranges;tiles=y("div",{class:"tiles"});pictures=y("div",{class:"pictures"});segments;month=new _s;shown;async begin(){this.tell("Looking for tasks …");try{this.tasks=await this.source.tasks()}catch(n){this.fail(n);return}let e=this.offered;this.taskChoice.replaceChildren(...e.map((n,l)=>y("option",{value:l},`${n.dagId} › ${n.taskId}`))),this.taskChoice.hidden=e.length<2;let[s]=e;if(s!==void 0&&e.length===1&&(this.note.textContent=[`${s.dagId} › ${s.taskId}`,this.options.note].filter(Boolean).join(" · ")),this.ranges.hidden=e.length===0,e.length===0){this.say("Nothing to show here","No task here pulls segments or publishes vouchers: this page shows those of CustomerSegmentsOperator and PublishVouchersOperator.",!1),this.tell("");return}await this.choose(0)}destroy(){this.unwatch(),this.stopReading.abort(),clearTimeout(this.timer);for(let e of Object.values(this.shown))e.destroy()}get offered(){let e=this.tasks.filter(n=>n.kind==="pull"),s=new Set(e.map(n=>n.dagId));return[...e,...this.tasks.filter(n=>n.kind==="publish"&&!s.has(n.dagId))]}picture(e,s,n,l){let a=c=>this.address(c,e==="publications"),o=e==="sizes"?470:236;return new Vs({name:e,title:s,question:n,height:o,sync:`voucherify-${l}`,colours:()=>this.colours,address:a})}lay(){let e=f=>{this.scope=f,this.draw()},s=[["all","All segments"],["chosen","Chosen ones"]];this.shown.moves.choices.append(bl("Segments counted",s,this.scope,e));let n=y("div",{class:"title"},y("h1",{},this.options.title),this.note);this.root.append(y("header",{class:"top"},n,y("div",{class:"controls"},this.taskChoice,this.mapChoice,this.ranges)),y("div",{class:"progress","aria-hidden":"true"},this.bar),this.status,this.message,this.tiles,this.pictures),this.tiles.hidden=this.pictures.hidden=!0;let{sizes:l,moves:a,calls:o,time:c,publications:p}=this.shown;for(let f of[l,this.segments,a,o,c,p])this.pictures.append(f.element)}async choose(e){let s=this.offered[e];if(s===void 0)return;this.task=s;let n=this.tasks.filter(l=>l.kind==="publish"&&l.dagId===s.dagId);this.publishing=s.kind==="publish"?[s]:n,this.mapIndex=null,this.slots=null,await this.read()}chooseRange(e){this.most=e,this.task!==null&&this.read()}chooseMap(){this.mapIndex=this.mapChoice.value===""?null:Number(this.mapChoice.value),this.pulled=new Bt;for(let e of this.entries)this.isWanted(e)&&this.pulled.add(e);this.draw()}isWanted(e){return this.mapIndex===null||e.mapIndex===this.mapIndex}async read(){this.stopReading.abort();let e=this.stopReading=new AbortController;this.message.hidden=!0,delete this.root.dataset.read,this.entries=[],this.pulled=new Bt,this.published=new Bt;let s=0,n=0,l=(o,c)=>{e.signal.aborted||(c?(this.entries.push(o),this.isWanted(o)&&this.pulled.add(o)):this.published.add(o),o.summary!==null?s+=1:o.state==="success"&&(n+=1),this.tell(`Reading runs: ${s} of ${n}`,s/Math.max(n,1)),this.soon())},a=[...this.task?.kind==="pull"?[this.task]:[],...this.publishing];try{await Promise.all(a.map(o=>this.source.history(o,this.most,c=>l(c,o.kind==="pull"),e.signal)))}catch(o){e.signal.aborted||this.fail(o);return}e.signal.aborted||(this.draw(),this.root.dataset.read="all",this.tell(this.inWords()))}inWords(){let s=(this.task?.kind==="pull"?this.pulled:this.published).ordered(),n=s.filter(a=>a.numbers!==null).length;if(s.length===0)return"This task has not run yet.";let l=s.length-n;return`${we(n)} ${n===1?"run":"runs"} with numbers${l?`, ${we(l)} without`:""}. Dates are in UTC.`}fail(e){this.stopReading.abort(),clearTimeout(this.timer),this.timer=void 0,e instanceof Rt||console.error(e);let[s,n]=e instanceof Rt?e.words:["Something went wrong","The page could not make sense of what it read; the browser's console says more."];this.say(s,n),this.tell(""),e instanceof Rt&&(e.status===401||e.status===403)&&(this.tiles.hidden=this.pictures.hidden=!0)}say(e,s,n=!0){let l=n&&[y("button",{type:"button",click:()=>this.again()},"Try again")];this.message.replaceChildren(y("h2",{},e),y("p",{},s),...l||[]),this.message.hidden=!1}again(){this.message.hidden=!0,this.task===null?this.begin():this.read()}tell(e,s=1){this.status.textContent=e,this.bar.style.width=`${100*s}%`,this.bar.style.opacity=s<1?"1":"0"}soon(){if(this.timer!==void 0)return;let e=Math.max(qc-(performance.now()-this.drawnAt),0);this.timer=setTimeout(()=>this.draw(),e)}draw(){clearTimeout(this.timer),this.timer=void 0,this.drawnAt=performance.now(),this.offerMaps();let e=this.task?.kind==="pull",s=this.publishing.length>0,n=this.pulled.ordered();this.tiles.hidden=this.pictures.hidden=!1,this.tiles.replaceChildren(...e?Vo(this.pulled):[],...s?[Bo(this.published)]:[]);for(let l of[this.shown.sizes,this.segments,this.shown.moves,this.shown.calls,this.shown.time])l.element.hidden=!e;e&&(this.chooseLargest(),this.segments.show(this.pulled),this.shown.sizes.show(Lo(this.pulled,n,this.chosen,this.colours,l=>this.toggle(l))),this.shown.moves.show(this.movesShown(n)),this.shown.moves.below.textContent=zo(n),this.shown.calls.show(Oo(n,this.colours)),this.shown.time.show(Do(n,this.colours)),this.month.show(n)),this.shown.publications.element.hidden=!s,this.shown.time.element.classList.toggle("whole",!s),this.shown.publications.element.classList.toggle("whole",!e),s&&this.shown.publications.show($o(this.published.ordered(),this.colours))}movesShown(e){return Po(this.pulled,e,this.scope==="all"?null:this.chosen,this.colours)}offerMaps(){let e=new Map;for(let n of this.entries)n.mapIndex>=0&&e.set(n.mapIndex,n.mapLabel||String(n.mapIndex));if(this.mapChoice.hidden=e.size<2,this.mapChoice.options.length===e.size+1)return;let s=[...e].sort((n,l)=>n[0]-l[0]).map(([n,l])=>y("option",{value:n},l));this.mapChoice.replaceChildren(y("option",{value:""},`All ${e.size} mapped`),...s),this.mapChoice.value=this.mapIndex===null?"":String(this.mapIndex)}chooseLargest(){let e=this.pulled.lastTold();if(this.slots!==null||e===void 0)return;let s=this.pulled.segments.map(({id:n},l)=>({id:n,size:e.sizes[l]??0}));s.sort((n,l)=>l.size-n.size),this.slots=new Map(s.slice(0,Yc).map(({id:n},l)=>[n,l]))}get chosen(){return[...this.slots??[]].flatMap(([e,s])=>{let n=this.pulled.find(e);return n===void 0?[]:[{segment:n,slot:s}]})}slotOf(e){return this.slots?.get(this.pulled.segments[e]?.id??"")}colourOf(e){let s=this.slotOf(e);return s===void 0?null:this.colours.lines[s]??null}toggle(e){let s=this.pulled.segments[e]?.id;if(this.slots===null||s===void 0)return;let n=this.focused(),l=new Set(this.slots.values());if(!this.slots.delete(s)){let a=[...Array(li).keys()].find(o=>!l.has(o));if(a===void 0){this.tell(`${li} segments have a line, and more cannot be told apart: take one out first.`);return}this.slots.set(s,a)}this.draw(),this.refocus(n)}focused(){return this.root.getRootNode().activeElement?.closest("[data-segment]")?.getAttribute("data-segment")??null}refocus(e){if(e===null)return;[...this.root.querySelectorAll("[data-segment]")].find(n=>n.dataset.segment===e)?.querySelector("button")?.focus()}address(e,s=this.task?.kind==="publish"){let n=s?this.publishing[0]:this.task;return n==null?null:this.source.runAddress(n,e.id)}themed(){let e=ii(this.options.follows);return this.root.dataset.theme=e,Eo(e)}changeTheme(){ii(this.options.follows)!==this.root.dataset.theme&&(this.colours=this.themed(),this.pictures.hidden||this.draw())}};var Jc=8,Us=class{head;lines;known;constructor(e){let[s,...n]=e.trim().split(`
`);this.head=JSON.parse(s??"{}"),this.lines=n,this.known=this.head.tasks.map(l=>({dagId:l.dag_id,taskId:l.task_id,kind:l.kind}))}async tasks(){return this.known}async history(e,s,n,l){let o=`{"task":${this.known.findIndex(f=>f.dagId===e.dagId&&f.taskId===e.taskId)},`,c=new Set,p=0;for(let f of this.lines){if(!f.startsWith(o))continue;let b=JSON.parse(f);if(c.add(b.run_id),c.size>s)return;let g={runId:b.run_id,mapIndex:b.map_index,mapLabel:b.map_label,date:Date.parse(b.date)||0,state:b.state,summary:null};n(g);let w=ws(b.summary,this.head.segments);w!==null&&n({...g,summary:w}),++p%Jc===0&&await new Promise(E=>setTimeout(E)),l.throwIfAborted()}}runAddress(e,s){if(this.head.url===null)return null;let n=`dags/${encodeURIComponent(e.dagId)}/runs/${encodeURIComponent(s)}/tasks/${encodeURIComponent(e.taskId)}`;return new URL(n,`${this.head.url.replace(/\/$/,"")}/`).href}};var Wo=`:host {
  display: block;
  container-type: inline-size;
}
.page {
  --text: #161b24;
  --muted: #5a6474;
  --faint: #7a8494;
  --line: #e2e6ec;
  --panel: #fff;
  --ground: #f5f7f9;
  --well: #eef1f5;
  --accent: #0b66b0;
  --good: #0a6f51;
  --bad: #b04a00;
  --shadow: 0 1px 2px rgb(22 27 36 / 5%);
  box-sizing: border-box;
  min-height: 100%;
  padding: 22px clamp(12px, 2.4vw, 32px) 40px;
  color: var(--text);
  background: var(--ground);
  font:
    14px/1.45 Inter,
    system-ui,
    -apple-system,
    "Segoe UI",
    Roboto,
    "Helvetica Neue",
    Arial,
    sans-serif;
  font-variant-numeric: tabular-nums;
  -webkit-font-smoothing: antialiased;
}
.page[data-theme="dark"] {
  --text: #e7ebf1;
  --muted: #9da7b6;
  --faint: #7f8a9b;
  --line: #262d37;
  --panel: #161a21;
  --ground: #0d1015;
  --well: #202630;
  --accent: #5cb3f4;
  --good: #4cd3a6;
  --bad: #ffa45e;
  --shadow: none;
  color-scheme: dark;
}
.page.host[data-theme="light"] {
  --ground: var(--chakra-colors-bg-subtle, #f5f7f9);
}
.page.host[data-theme="dark"] {
  --ground: var(--chakra-colors-bg, #0d1015);
  --panel: color-mix(in oklab, var(--ground) 94%, #fff);
  --well: color-mix(in oklab, var(--ground) 86%, #fff);
  --line: color-mix(in oklab, var(--ground) 85%, #fff);
}
.page.system {
  min-height: 100vh;
}
.page *,
.page *::before {
  box-sizing: border-box;
}
.page > * {
  max-width: 1400px;
  margin-inline: auto;
}
.page [hidden] {
  display: none !important;
}
h1,
h2,
p {
  margin: 0;
}
h1 {
  font-size: 22px;
  line-height: 1.2;
  font-weight: 650;
  letter-spacing: -0.015em;
}
h2 {
  font-size: 15px;
  font-weight: 620;
  letter-spacing: -0.005em;
}
a {
  color: inherit;
  text-decoration: underline;
  text-decoration-color: var(--faint);
  text-underline-offset: 3px;
}
a:hover {
  color: var(--accent);
  text-decoration-color: currentcolor;
}
.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
}

.top {
  display: flex;
  flex-wrap: wrap;
  gap: 14px 24px;
  align-items: end;
  justify-content: space-between;
}
.title p {
  color: var(--muted);
  margin-top: 3px;
}
.title p:empty {
  display: none;
}
.controls {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
  align-items: center;
}
button,
select,
input {
  font: inherit;
  color: inherit;
}
button {
  cursor: pointer;
}
select,
input,
.actions > button,
.more,
.message button {
  height: 32px;
  padding: 0 10px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 7px;
  max-width: 100%;
}
select {
  padding-right: 4px;
  text-overflow: ellipsis;
  max-width: 340px;
}
.actions > button,
.more,
.message button {
  font-size: 13px;
  color: var(--muted);
}
button:hover {
  color: var(--text);
}
.actions > button[aria-pressed="true"] {
  color: var(--text);
  background: var(--well);
}
:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: 2px;
}
.segmented {
  display: inline-flex;
  padding: 2px;
  gap: 2px;
  background: var(--well);
  border-radius: 8px;
}
.segmented button {
  height: 28px;
  padding: 0 10px;
  border: 0;
  border-radius: 6px;
  background: none;
  color: var(--muted);
  font-size: 13px;
}
.segmented button[aria-pressed="true"] {
  background: var(--panel);
  color: var(--text);
  box-shadow: 0 1px 2px rgb(0 0 0 / 12%);
}
.progress {
  height: 2px;
  margin-top: 14px;
}
.progress i {
  display: block;
  height: 100%;
  width: 0;
  border-radius: 2px;
  background: var(--accent);
  transition:
    width 0.2s,
    opacity 0.6s;
}
.status {
  min-height: 20px;
  margin: 4px auto 12px;
  color: var(--muted);
  font-size: 13px;
}
.message {
  padding: 28px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 12px;
}
.message p {
  max-width: 68ch;
  margin: 6px 0 16px;
  color: var(--muted);
}

.tiles {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(186px, 1fr));
  gap: 14px;
  margin-bottom: 14px;
}
.tile {
  display: flex;
  flex-direction: column;
  padding: 14px 16px 13px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 12px;
  box-shadow: var(--shadow);
  overflow: hidden;
}
.tile .label {
  color: var(--muted);
  font-size: 13px;
}
.tile .number {
  margin-top: 2px;
  font-size: 27px;
  line-height: 1.2;
  font-weight: 620;
  letter-spacing: -0.022em;
  white-space: pre;
}
.tile .note {
  flex: 1;
  margin-top: 2px;
  color: var(--muted);
  font-size: 12.5px;
}
.tile .spark {
  width: 100%;
  height: 26px;
  margin-top: 8px;
}
.spark path {
  fill: none;
  stroke: var(--faint);
  stroke-width: 1.4;
  vector-effect: non-scaling-stroke;
  stroke-linejoin: round;
}

.pictures {
  display: grid;
  grid-template-columns: repeat(12, minmax(0, 1fr));
  gap: 14px;
}
.card {
  display: flex;
  flex-direction: column;
  grid-column: span 6;
  min-width: 0;
  padding: 16px 18px 14px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 12px;
  box-shadow: var(--shadow);
}
.card[data-picture="sizes"] {
  grid-column: span 7;
}
.card.segments {
  grid-column: span 5;
}
.card.whole {
  grid-column: span 12;
}
.card header {
  display: flex;
  flex-wrap: wrap;
  gap: 8px 16px;
  align-items: start;
  justify-content: space-between;
}
.heading {
  flex: 1 1 220px;
  min-width: 0;
}
.heading p {
  margin-top: 1px;
  color: var(--muted);
  font-size: 13px;
}
.actions {
  display: flex;
  flex-wrap: wrap;
  gap: 6px;
  align-items: center;
}
.actions > button {
  height: 30px;
}
.choices:empty,
.below:empty {
  display: none;
}

.readout {
  display: flex;
  flex-wrap: wrap;
  gap: 4px 16px;
  align-items: baseline;
  min-height: 26px;
  margin: 12px 0 6px;
  font-size: 13px;
}
.readout .when {
  flex: none;
  font-weight: 600;
}
.value {
  display: inline-flex;
  gap: 6px;
  align-items: baseline;
  min-width: 0;
  max-width: 100%;
  color: var(--muted);
}
.value .name {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  max-width: 22ch;
}
.value b {
  color: var(--text);
  font-weight: 600;
  white-space: nowrap;
}
.mark {
  flex: none;
  align-self: center;
  width: 14px;
  height: 0;
  border-top: 2.5px solid var(--colour);
  border-radius: 2px;
}
.mark.dashed {
  border-top-style: dashed;
}
.mark.dotted,
.mark.step {
  border-top-style: dotted;
}
.mark.bar {
  width: 10px;
  height: 10px;
  border: 0;
  border-radius: 3px;
  background: var(--colour);
}
.mark.point {
  width: 9px;
  height: 9px;
  border: 0;
  border-radius: 50%;
  background: var(--colour);
}
.drop {
  padding: 0 3px;
  border: 0;
  background: none;
  color: var(--faint);
  line-height: 1;
}
.drop:hover {
  color: var(--text);
}
.drawing {
  position: relative;
  min-height: 236px;
  border-radius: 6px;
}
.drawing .u-cursor-x {
  border-right: 1px solid var(--faint);
}
.empty {
  display: grid;
  place-items: center;
  min-height: 236px;
  color: var(--muted);
}
.below {
  margin-top: auto;
  color: var(--muted);
  font-size: 12.5px;
  padding-top: 12px;
  border-top: 1px solid var(--line);
}
.month > div:first-child {
  display: flex;
  flex-wrap: wrap;
  gap: 6px 12px;
  align-items: center;
  justify-content: space-between;
  font-size: 13px;
  color: var(--muted);
}
.month b {
  color: var(--text);
}
.month select,
.month input {
  height: 28px;
  font-size: 13px;
}
.month input {
  width: 120px;
}
.track {
  display: block;
  height: 8px;
  border-radius: 4px;
  background: var(--well);
  overflow: hidden;
}
.track i {
  display: block;
  height: 100%;
  min-width: 2px;
  border-radius: 4px;
  background: var(--accent);
}
.month .track {
  margin-top: 9px;
  height: 6px;
}

.finding {
  display: flex;
  gap: 8px;
  margin: 12px 0 8px;
}
.finding input {
  flex: 1;
  min-width: 0;
}
.bars {
  list-style: none;
  margin: 0;
  padding: 0;
}
.bars button {
  display: grid;
  grid-template-columns: 12px minmax(60px, 1fr) 64px minmax(44px, auto) 48px;
  gap: 12px;
  align-items: center;
  width: 100%;
  height: 37px;
  padding: 0 6px;
  border: 0;
  border-radius: 7px;
  background: none;
  text-align: left;
}
.bars button:hover {
  background: var(--well);
}
.bars .dot {
  width: 10px;
  height: 10px;
  border-radius: 50%;
  border: 1.5px solid var(--faint);
  opacity: 0.55;
}
.bars [aria-pressed="true"] .dot {
  border-color: var(--colour);
  background: var(--colour);
  opacity: 1;
}
.bars .name {
  min-width: 0;
}
.bars .name > span:first-child {
  display: block;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  line-height: 1.3;
}
.bars .name .track {
  height: 4px;
  margin-top: 3px;
}
.bars .track i {
  background: var(--faint);
  opacity: 0.75;
}
.bars [aria-pressed="true"] .track i {
  background: var(--colour);
  opacity: 1;
}
.bars [aria-pressed="true"] .spark path {
  stroke: var(--colour);
}
.bars .size {
  text-align: right;
  font-weight: 600;
}
.bars .change {
  text-align: right;
  font-size: 12.5px;
  color: var(--muted);
}
.bars .change.up {
  color: var(--accent);
}
.bars .change.down {
  color: var(--bad);
}
.hint {
  margin-top: 6px;
  padding-left: 6px;
  color: var(--muted);
  font-size: 12.5px;
}
.more {
  align-self: start;
  margin-top: 8px;
}

.table {
  max-height: 420px;
  overflow: auto;
  border: 1px solid var(--line);
  border-radius: 8px;
}
.table table {
  width: 100%;
  border-collapse: collapse;
  font-size: 13px;
}
.table th,
.table td {
  padding: 6px 12px;
  border-bottom: 1px solid var(--line);
  text-align: right;
  white-space: nowrap;
}
.table th:first-child,
.table td.state,
.table th:nth-child(2) {
  text-align: left;
}
.table tbody th {
  font-weight: 500;
}
.table thead th {
  position: sticky;
  top: 0;
  background: var(--panel);
  color: var(--muted);
  font-weight: 600;
  max-width: 18ch;
  overflow: hidden;
  text-overflow: ellipsis;
}
.table td.state {
  color: var(--muted);
}
.table .more {
  margin: 8px;
}

@container (max-width: 940px) {
  .card,
  .card[data-picture="sizes"],
  .card.segments {
    grid-column: span 12;
  }
}
@container (max-width: 560px) {
  .page {
    padding-top: 14px;
  }
  .card {
    padding: 14px 12px 12px;
  }
  .bars button {
    grid-template-columns: 12px minmax(60px, 1fr) minmax(44px, auto) 46px;
    gap: 8px;
  }
  .bars .spark,
  .tile .spark {
    display: none;
  }
  .tiles {
    grid-template-columns: repeat(auto-fit, minmax(140px, 1fr));
  }
  .tile .number {
    font-size: 21px;
  }
}
@media (prefers-reduced-motion: reduce) {
  .progress i {
    transition: none;
  }
}
@media print {
  .controls,
  .actions,
  .finding {
    display: none !important;
  }
}
`;var Qc="Voucherify";function Go(t,e,s){let n=t.shadowRoot??t.attachShadow({mode:"open"}),l=y("div",{class:`page ${s.follows}`,role:"region","aria-label":s.title});n.replaceChildren(y("style",{},$i+Wo),l);let a=new Ws(l,e,s);return a.begin(),a}function Xc({dagId:t,taskId:e}){let s=globalThis.React,n=s.useRef(null);return s.useEffect(()=>{let l=n.current;if(l===null)return()=>{};let a={title:"Voucherify segments",note:"",follows:"host",runs:90},o=Go(l,new vs({dagId:t,taskId:e}),a);return()=>o.destroy()},[t,e]),s.createElement("div",{ref:n,style:{height:"100%",overflow:"auto"}})}var Uo=document.getElementById("voucherify-report");if(Uo===null)Object.assign(globalThis,{[Qc]:Xc});else{let t=new Us(Uo.textContent??""),{title:e,made_at:s}=t.head,n=y("div",{});document.body.append(n),Go(n,t,{title:e,note:`Made ${s}`,follows:"system",runs:365})}})();
