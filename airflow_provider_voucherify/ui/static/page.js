/* Built by `make page` from page/, source 711f6f1598a03fa2c49f116b3d0ec376e58de1964d7cf5be63f46faa635972c8. With uPlot:

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
"use strict";(()=>{var Fi='.uplot, .uplot *, .uplot *::before, .uplot *::after {box-sizing: border-box;}.uplot {font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Noto Color Emoji";line-height: 1.5;width: min-content;}.u-title {text-align: center;font-size: 18px;font-weight: bold;}.u-wrap {position: relative;user-select: none;}.u-over, .u-under {position: absolute;}.u-under {overflow: hidden;}.uplot canvas {display: block;position: relative;width: 100%;height: 100%;}.u-axis {position: absolute;}.u-legend {font-size: 14px;margin: auto;text-align: center;}.u-inline {display: block;}.u-inline * {display: inline-block;}.u-inline tr {margin-right: 16px;}.u-legend th {font-weight: 600;}.u-legend th > * {vertical-align: middle;display: inline-block;}.u-legend .u-marker {width: 1em;height: 1em;margin-right: 4px;background-clip: padding-box !important;}.u-inline.u-live th::after {content: ":";vertical-align: middle;}.u-inline:not(.u-live) .u-value {display: none;}.u-series > * {padding: 4px;}.u-series th {cursor: pointer;}.u-legend .u-off > * {opacity: 0.3;}.u-select {background: rgba(0,0,0,0.07);position: absolute;pointer-events: none;}.u-cursor-x, .u-cursor-y {position: absolute;left: 0;top: 0;pointer-events: none;will-change: transform;}.u-hz .u-cursor-x, .u-vt .u-cursor-y {height: 100%;border-right: 1px dashed #607D8B;}.u-hz .u-cursor-y, .u-vt .u-cursor-x {width: 100%;border-bottom: 1px dashed #607D8B;}.u-cursor-pt {position: absolute;top: 0;left: 0;border-radius: 50%;border: 0 solid;pointer-events: none;will-change: transform;/*this has to be !important since we set inline "background" shorthand */background-clip: padding-box !important;}.u-axis.u-off, .u-select.u-off, .u-cursor-x.u-off, .u-cursor-y.u-off, .u-cursor-pt.u-off {display: none;}';var ml=new Int32Array(0);function gl(t,e,s,n){let l=t;return e>=l.length&&(l=new Int32Array(Math.max(n,e+1)),l.set(t)),l[e]=(l[e]??0)+s,l}var Bt=class{segments=[];runs=[];numberOfSegment=new Map;byId=new Map;isSorted=!0;add(e){let s=this.byId.get(e.runId);s===void 0&&(s={id:e.runId,date:e.date,states:[],strategies:[],numbers:null,sizes:ml,entered:ml,left:ml},this.byId.set(e.runId,s),this.runs.push(s),this.isSorted=!1),e.summary===null?s.states.push(e.state):this.addSummary(s,e.summary)}ordered(){return this.isSorted||this.runs.sort((e,s)=>e.date-s.date||(e.id<s.id?-1:1)),this.isSorted=!0,this.runs}lastTold(){return this.ordered().findLast(e=>e.numbers!==null)}toldBefore(e){let s=this.ordered();for(let n=s.indexOf(e)-1;n>=0;n--)if(s[n]?.numbers)return s[n]}get tellsMoves(){return this.runs.some(e=>e.numbers!==null&&"entered"in e.numbers)}addSummary(e,s){let n=e.numbers??={};for(let[a,o]of Object.entries(s.numbers))n[a]=(n[a]??0)+o;s.strategy!==null&&!e.strategies.includes(s.strategy)&&e.strategies.push(s.strategy);let l=Math.max(this.segments.length,s.perSegment.length);for(let[a,o,c,p,f]of s.perSegment){let b=this.number(a,o);e.sizes=gl(e.sizes,b,c,l),p!==null&&(e.entered=gl(e.entered,b,p,l)),f!==null&&(e.left=gl(e.left,b,f,l))}}find(e){return this.numberOfSegment.get(e)}number(e,s){let n=this.find(e);return n===void 0&&(n=this.segments.length,this.numberOfSegment.set(e,n),this.segments.push({id:e,name:s})),n}};function ln(t,e){return t?.numbers?t.sizes[e]??0:null}function fe(t,e){return t?.numbers?.[e]??null}var _a=["customers","found","no_segment","unknown","failed","memberships","entered","left","planned_calls","calls","rejected","retried","deferrals","waits","waited_seconds","duration_seconds","published","published_before","no_voucher"];function Ni(t){return typeof t=="object"&&t!==null&&!Array.isArray(t)}function sn(t){return typeof t=="number"&&Number.isFinite(t)?t:null}function ws(t,e=null){if(!Ni(t)||!("calls"in t))return null;let s={};for(let l of _a){let a=sn(t[l]);a!==null&&(s[l]=a)}let n=[];if(Array.isArray(t.per_segment))for(let l of t.per_segment){let a=e===null?Ta(l):Aa(l,e);a!==null&&n.push(a)}return{strategy:typeof t.strategy=="string"?t.strategy:null,numbers:s,perSegment:n}}function Ta(t){if(!Ni(t)||typeof t.segment_id!="string")return null;let e=typeof t.segment_name=="string"&&t.segment_name!==""?t.segment_name:t.segment_id;return[t.segment_id,e,sn(t.customers)??0,sn(t.entered),sn(t.left)]}function Aa(t,e){if(!Array.isArray(t))return null;let s=e[t[0]];return s===void 0?null:[s[0],s[1],sn(t[1])??0,sn(t[2]),sn(t[3])]}function vs(t,e,s){let[n,l,a]=[e.dagId,s,e.taskId].map(encodeURIComponent);return new URL(`dags/${n}/runs/${l}/tasks/${a}`,t).href}var Rt=class extends Error{constructor(s,n){super(`${n}: ${s}`);this.status=s;this.what=n}status;what;get words(){switch(this.status){case 0:return["Airflow cannot be reached","The network or the API server is down. Try again in a moment."];case 401:return["You are not logged in any more","Log in to Airflow again, then reload this page."];case 403:return["You may not see this",`Airflow does not let you read ${this.what}, and this page shows nothing that you may not read. Ask whoever runs this Airflow for the right to read it.`];case 404:return["It is not there",`Airflow does not know ${this.what}: it may have been deleted.`];default:return["Airflow has a problem",`Asked for ${this.what}, it answered ${this.status}. Try again in a moment.`]}}};var Ma=6,Hi=100,Ea=500,Ra=2e3,Vi={CustomerSegmentsOperator:"pull",PublishVouchersOperator:"publish"},Ca={"airflow_provider_voucherify.operators.customer_segments":"pull","airflow_provider_voucherify.operators.publish_vouchers":"publish"};function Bi(t,e){let s=t[e];return Array.isArray(s)?s:[]}var nt=t=>typeof t=="string"?t:"";function La(t){if(typeof t!="string")return t;try{return JSON.parse(t)}catch{return null}}function Pa(t){return Date.parse(nt(t.logical_date)||nt(t.run_after)||nt(t.start_date))||0}var bl=(t,e,s)=>`dags/${encodeURIComponent(t)}/dagRuns/${encodeURIComponent(e)}/taskInstances/${encodeURIComponent(s)}`,ys=class{constructor(e){this.place=e}place;summaries=new Map;async tasks(){let{dagId:e,taskId:s}=this.place;if(e===void 0)return this.tasksOfAll();let n=await this.get(`dags/${encodeURIComponent(e)}/tasks`,`the tasks of ${e}`),l=[];for(let a of Bi(n,"tasks")){let o=nt(a.class_ref?.module_path),c=Vi[nt(a.operator_name)]??Ca[o];c!==void 0&&(s===void 0||s===a.task_id)&&l.push({dagId:e,taskId:nt(a.task_id),kind:c})}return l}async history(e,s,n,l){let a=await this.instances(e,s,l),o=a.map(w=>({runId:nt(w.dag_run_id),mapIndex:Number(w.map_index??-1),mapLabel:nt(w.rendered_map_index),date:Pa(w),state:nt(w.state)||"none",summary:null}));o.forEach(n);let c=o.filter(w=>w.state==="success");if(c.length===0)return;let p=await this.summariesApart(e,o,l),f=new Map(a.map(w=>[`${w.dag_run_id}\0${w.map_index}`,nt(w.end_date)])),b=c.values(),g=async()=>{for(let w of b){let E=`${w.runId}\0${w.mapIndex}`,L=await this.value(e,w,p.has(E)?"summary":"return_value",f.get(E)??"",l);l.throwIfAborted();let D=ws(L);D!==null&&n({...w,summary:D})}};await Promise.all(Array.from({length:Ma},g))}runAddress(e,s){return vs(document.baseURI,e,s)}async tasksOfAll(){let e=new Map;for(let[s,n]of Object.entries(Vi)){let l=`operator=${s}&order_by=-run_after`,a="dags/~/dagRuns/~/taskInstances";for await(let o of this.paged(a,l,"task_instances",Ea,"task instances")){if(o.operator_name!==s&&o.operator!==s)continue;let c={dagId:nt(o.dag_id),taskId:nt(o.task_id),kind:n};e.set(`${c.dagId}\0${c.taskId}`,c)}}return[...e.values()]}async instances(e,s,n){let l=bl(e.dagId,"~","").replace(/\/$/,""),a=`task_id=${encodeURIComponent(e.taskId)}&order_by=-run_after`,o=new Map,c=new Set,p=`the task instances of ${e.dagId}`;for await(let f of this.paged(l,a,"task_instances",Number.POSITIVE_INFINITY,p,n))if(f.task_id===e.taskId){if(c.add(f.dag_run_id),c.size>s||o.size>=Ra)break;o.set(`${f.dag_run_id}\0${f.map_index}`,f)}return[...o.values()]}async summariesApart(e,s,n){let l=`${bl(e.dagId,"~",e.taskId)}/xcomEntries`,a=new Set(s.map(f=>f.runId)),o=new Set,c="xcom_key=summary&order_by=-timestamp",p=Math.max(2*s.length,Hi);for await(let f of this.paged(l,c,"xcom_entries",p,`the XComs of ${e.dagId}`,n))f.key==="summary"&&a.has(nt(f.run_id))&&o.add(`${f.run_id}\0${f.map_index}`);return o}value(e,s,n,l,a){let o=`${bl(e.dagId,s.runId,e.taskId)}/xcomEntries/${n}?map_index=${s.mapIndex}`,c=`${o}\0${l}`,p=this.summaries.get(c);return p===void 0&&(p=this.get(o,`the XComs of ${e.dagId}`,a).then(f=>La(f.value),f=>{if(this.summaries.delete(c),f instanceof Rt&&f.status===404)return null;throw f}),this.summaries.set(c,p)),p}async*paged(e,s,n,l,a,o){for(let c=0;c<l;){let p=await this.get(`${e}?${s}&limit=${Hi}&offset=${c}`,a,o),f=Bi(p,n);if(yield*f,c+=f.length,f.length===0||c>=Number(p.total_entries??0))return}}async get(e,s,n){let l;try{l=await fetch(new URL(`api/v2/${e}`,document.baseURI),{signal:n,headers:{Accept:"application/json"}})}catch(a){throw n?.aborted?a:new Rt(0,s)}if(!l.ok)throw new Rt(l.status,s);return await l.json()}};function Gi(t,e,s){for(let[n,l]of Object.entries(e))l==null||l===!1||(typeof l=="function"?t.addEventListener(n,l):t.setAttribute(n,l===!0?"":String(l)));for(let n of s)n!=null&&n!==!1&&t.append(n)}function y(t,e={},...s){let n=document.createElement(t);return Gi(n,e,s),n}function Wi(t,e={},...s){let n=document.createElementNS("http://www.w3.org/2000/svg",t);return Gi(n,e,s),n}function Qn(t,e,s){return e===null||!/^https?:/.test(e)?document.createTextNode(t):y("a",{href:e,"aria-label":s},t)}function wl(t,e,s,n){let l=e.map(([a,o,c])=>{let p=()=>{for(let b of l)b.setAttribute("aria-pressed",String(b===f));n(a)},f=y("button",{type:"button","aria-pressed":String(a===s),"aria-label":c,click:p});return f.textContent=o,f});return y("div",{class:"segmented",role:"group","aria-label":t},...l)}function xs(t,e,s){let n=t.filter(b=>b!==null),l=Math.min(...n),a=Math.max(...n)-l,o=e/Math.max(t.length-1,1),c="",p=!1;t.forEach((b,g)=>{if(b===null)p=!1;else{let w=a===0?s/2:s-1.5-(b-l)/a*(s-3);c+=`${p?"L":"M"}${(g*o).toFixed(1)} ${w.toFixed(1)}`,p=!0}});let f={width:e,height:s,viewBox:`0 0 ${e} ${s}`};return Wi("svg",{...f,class:"spark","aria-hidden":"true",preserveAspectRatio:"none"},Wi("path",{d:c}))}function ks(t,e){let s=URL.createObjectURL(new Blob([e],{type:"text/csv;charset=utf-8"})),n=y("a",{href:s,download:t});document.body.append(n),n.click(),n.remove(),setTimeout(()=>URL.revokeObjectURL(s),1e4)}var vl=new Intl.NumberFormat("en-US",{maximumFractionDigits:0}),Ia=new Intl.NumberFormat("en-US",{notation:"compact",maximumFractionDigits:1}),Ui=new Intl.DateTimeFormat("en-GB",{day:"numeric",month:"short",timeZone:"UTC"}),ji=new Intl.DateTimeFormat("en-GB",{day:"numeric",month:"short",year:"numeric",timeZone:"UTC"}),za=new Intl.DateTimeFormat("en-GB",{month:"long",year:"numeric",timeZone:"UTC"}),Yi=new Intl.DateTimeFormat("en-GB",{hour:"2-digit",minute:"2-digit",timeZone:"UTC"}),yl="–",we=t=>t===null?yl:vl.format(t),Gt=t=>Math.abs(t)<1e4?vl.format(t):Ia.format(t),xl=t=>za.format(t);function rn(t){return t===null?yl:t===0?"±0":`${t>0?"+":"−"}${vl.format(Math.abs(t))}`}function Ss(t,e){let s=100*t/e;return s>=10||s===0?`${Math.round(s)} %`:`${s.toPrecision(s<.1?1:2)} %`}function kl(t){if(t===null)return yl;if(t<10)return`${t.toFixed(1)} s`;let e=Math.round(t);if(e<100)return`${e} s`;if(e<6e3)return`${Math.floor(e/60)} min ${e%60} s`;let s=Math.round(e/60);return`${Math.floor(s/60)} h ${s%60} min`}var Wt=class{hasTimes;constructor(e){let s=e.map(n=>Math.floor(n/864e5));this.hasTimes=new Set(s).size<s.length}brief(e){return this.hasTimes?`${Ui.format(e)} ${Yi.format(e)}`:Ui.format(e)}full(e){return this.hasTimes?`${ji.format(e)}, ${Yi.format(e)}`:ji.format(e)}};function Oa(t){if(t===null)return"";if(typeof t=="number")return String(t);let e=/^[=+\-@\t\r]/.test(t)?`'${t}`:t;return/[",\n\r]/.test(e)?`"${e.replaceAll('"','""')}"`:e}function _s(t){return`${t.map(e=>e.map(Oa).join(",")).join(`\r
`)}\r
`}var Sl={business:["Business: 100,000 a month",1e5],organization:["Organization: 300,000 a month",3e5]},Ki="voucherify-page-plan";function _l(){try{return localStorage.getItem(Ki)??"business"}catch{return"business"}}function Da(t){try{localStorage.setItem(Ki,t)}catch{}}var Ts=class{element;words=y("p",{});filled=y("i");plan=y("select",{"aria-label":"Plan of the Voucherify project",change:()=>this.change()});other=y("input",{type:"number",min:1,step:1e3,"aria-label":"Calls a month",hidden:!0,input:()=>this.change()});runs=[];constructor(){let e=Number(_l());for(let[s,[n]]of Object.entries(Sl))this.plan.append(y("option",{value:s},n));this.plan.append(y("option",{value:"other"},"Another number a month")),this.plan.value=e>0?"other":_l()in Sl?_l():"business",this.other.value=String(e>0?e:1e6),this.element=y("div",{class:"month"},y("div",{},this.words,this.plan,this.other),y("div",{class:"track"},this.filled))}show(e){this.runs=e;let s=e.findLast(o=>o.numbers!==null);if(this.element.hidden=s===void 0,s===void 0)return;let n=xl(s.date),l=e.reduce((o,c)=>o+(xl(c.date)===n?fe(c,"calls")??0:0),0),a=this.plan.value==="other"?Math.max(Number(this.other.value)||0,1):Sl[this.plan.value]?.[1]??1;this.other.hidden=this.plan.value!=="other",this.words.replaceChildren(`${n}: `,y("b",{},we(l))," calls in the runs shown, ",y("b",{},Ss(l,a))," of the plan"),this.filled.style.width=`${Math.min(100*l/a,100)}%`}change(){Da(this.plan.value==="other"?this.other.value:this.plan.value),this.show(this.runs)}};var $a="uplot",Fa="u-hz",Na="u-vt",Ha="u-title",Va="u-wrap",Ba="u-under",Wa="u-over",Ga="u-axis",un="u-off",Ua="u-select",ja="u-cursor-x",Ya="u-cursor-y",Ka="u-cursor-pt",qa="u-legend",Ja="u-live",Za="u-inline",Qa="u-series",Xa="u-marker",qi="u-label",eu="u-value",es="width",ts="height";var Ji="bottom",In="left",Tl="right",Bl="#000",Zi=Bl+"0",Al="mousemove",Qi="mousedown",Ml="mouseup",Xi="mouseenter",er="mouseleave",tr="dblclick",tu="resize",nu="scroll",nr="change",Cs="dppxchange",Wl="--",Hn=typeof window<"u",Pl=Hn?document:null,On=Hn?window:null,su=Hn?navigator:null,re,As;function Il(){let t=devicePixelRatio;re!=t&&(re=t,As&&Ol(nr,As,Il),As=matchMedia(`(min-resolution: ${re-.001}dppx) and (max-resolution: ${re+.001}dppx)`),cn(nr,As,Il),On.dispatchEvent(new CustomEvent(Cs)))}function st(t,e){if(e!=null){let s=t.classList;!s.contains(e)&&s.add(e)}}function zl(t,e){let s=t.classList;s.contains(e)&&s.remove(e)}function ve(t,e,s){t.style[e]=s+"px"}function vt(t,e,s,n){let l=Pl.createElement(t);return e!=null&&st(l,e),s?.insertBefore(l,n),l}function dt(t,e){return vt("div",t,e)}var sr=new WeakMap;function Ct(t,e,s,n,l){let a="translate("+e+"px,"+s+"px)",o=sr.get(t);a!=o&&(t.style.transform=a,sr.set(t,a),e<0||s<0||e>n||s>l?st(t,un):zl(t,un))}var lr=new WeakMap;function ir(t,e,s){let n=e+s,l=lr.get(t);n!=l&&(lr.set(t,n),t.style.background=e,t.style.borderColor=s)}var rr=new WeakMap;function or(t,e,s,n){let l=e+""+s,a=rr.get(t);l!=a&&(rr.set(t,l),t.style.height=s+"px",t.style.width=e+"px",t.style.marginLeft=n?-e/2+"px":0,t.style.marginTop=n?-s/2+"px":0)}var Gl={passive:!0},lu={...Gl,capture:!0};function cn(t,e,s,n){e.addEventListener(t,s,n?lu:Gl)}function Ol(t,e,s,n){e.removeEventListener(t,s,Gl)}Hn&&Il();function yt(t,e,s,n){let l;s=s||0,n=n||e.length-1;let a=n<=2147483647;for(;n-s>1;)l=a?s+n>>1:lt((s+n)/2),e[l]<t?s=l:n=l;return t-e[s]<=e[n]-t?s:n}function Or(t){return(s,n,l)=>{let a=-1,o=-1;for(let c=n;c<=l;c++)if(t(s[c])){a=c;break}for(let c=l;c>=n;c--)if(t(s[c])){o=c;break}return[a,o]}}var Dr=t=>t!=null,$r=t=>t!=null&&t>0,Is=Or(Dr),iu=Or($r);function ru(t,e,s,n=0,l=!1){let a=l?iu:Is,o=l?$r:Dr;[e,s]=a(t,e,s);let c=t[e],p=t[e];if(e>-1)if(n==1)c=t[e],p=t[s];else if(n==-1)c=t[s],p=t[e];else for(let f=e;f<=s;f++){let b=t[f];o(b)&&(b<c?c=b:b>p&&(p=b))}return[c??de,p??-de]}function zs(t,e,s,n){let l=cr(t),a=cr(e);t==e&&(l==-1?(t*=s,e/=s):(t/=s,e*=s));let o=s==10?zt:Fr,c=l==1?lt:pt,p=a==1?pt:lt,f=c(o(Le(t))),b=p(o(Le(e))),g=Dn(s,f),w=Dn(s,b);return s==10&&(f<0&&(g=pe(g,-f)),b<0&&(w=pe(w,-b))),n||s==2?(t=g*l,e=w*a):(t=Br(t,g),e=Os(e,w)),[t,e]}function Ul(t,e,s,n){let l=zs(t,e,s,n);return t==0&&(l[0]=0),e==0&&(l[1]=0),l}var jl=.1,ar={mode:3,pad:jl},ss={pad:0,soft:null,mode:0},ou={min:ss,max:ss};function Ls(t,e,s,n){return Ds(s)?ur(t,e,s):(ss.pad=s,ss.soft=n?0:null,ss.mode=n?3:0,ur(t,e,ou))}function le(t,e){return t??e}function au(t,e,s){for(e=le(e,0),s=le(s,t.length-1);e<=s;){if(t[e]!=null)return!0;e++}return!1}function ur(t,e,s){let n=s.min,l=s.max,a=le(n.pad,0),o=le(l.pad,0),c=le(n.hard,-de),p=le(l.hard,de),f=le(n.soft,de),b=le(l.soft,-de),g=le(n.mode,0),w=le(l.mode,0),E=e-t,L=zt(E),D=Ye(Le(t),Le(e)),H=zt(D),B=Le(H-L);(E<1e-24||B>10)&&(E=0,(t==0||e==0)&&(E=1e-24,g==2&&f!=de&&(a=0),w==2&&b!=-de&&(o=0)));let S=E||D||1e3,N=zt(S),_=Dn(10,lt(N)),q=S*(E==0?t==0?.1:1:a),P=pe(Br(t-q,_/10),24),J=t>=f&&(g==1||g==3&&P<=f||g==2&&P>=f)?f:de,j=Ye(c,P<J&&t>=J?J:xt(J,P)),X=S*(E==0?e==0?.1:1:o),U=pe(Os(e+X,_/10),24),T=e<=b&&(w==1||w==3&&U>=b||w==2&&U<=b)?b:-de,K=xt(p,U>T&&e<=T?T:Ye(T,U));return j==K&&j==0&&(K=100),[j,K]}var uu=new Intl.NumberFormat(Hn?su.language:"en-US"),Yl=t=>uu.format(t),it=Math,Rs=it.PI,Le=it.abs,lt=it.floor,Ce=it.round,pt=it.ceil,xt=it.min,Ye=it.max,Dn=it.pow,cr=it.sign,zt=it.log10,Fr=it.log2,cu=(t,e=1)=>it.sinh(t)*e,El=(t,e=1)=>it.asinh(t/e),de=1/0;function fr(t){return(zt((t^t>>31)-(t>>31))|0)+1}function Dl(t,e,s){return xt(Ye(t,e),s)}function Nr(t){return typeof t=="function"}function ee(t){return Nr(t)?t:()=>t}var fu=()=>{},Hr=t=>t,Vr=(t,e)=>e,du=t=>null,dr=t=>!0,pr=(t,e)=>t==e,pu=/\.\d*?(?=9{6,}|0{6,})/gm,fn=t=>{if(Gr(t)||jt.has(t))return t;let e=`${t}`,s=e.match(pu);if(s==null)return t;let n=s[0].length-1;if(e.indexOf("e-")!=-1){let[l,a]=e.split("e");return+`${fn(l)}e${a}`}return pe(t,n)};function on(t,e){return fn(pe(fn(t/e))*e)}function Os(t,e){return fn(pt(fn(t/e))*e)}function Br(t,e){return fn(lt(fn(t/e))*e)}function pe(t,e=0){if(Gr(t))return t;let s=10**e,n=t*s*(1+Number.EPSILON);return Ce(n)/s}var jt=new Map;function Wr(t){return((""+t).split(".")[1]||"").length}function is(t,e,s,n){let l=[],a=n.map(Wr);for(let o=e;o<s;o++){let c=Le(o),p=pe(Dn(t,o),c);for(let f=0;f<n.length;f++){let b=t==10?+`${n[f]}e${o}`:n[f]*p,g=(o>=0?0:c)+(o>=a[f]?0:a[f]),w=t==10?b:pe(b,g);l.push(w),jt.set(w,g)}}return l}var ls={},Kl=[],$n=[null,null],Ut=Array.isArray,Gr=Number.isInteger,hu=t=>t===void 0;function hr(t){return typeof t=="string"}function Ds(t){let e=!1;if(t!=null){let s=t.constructor;e=s==null||s==Object}return e}function mu(t){return t!=null&&typeof t=="object"}var gu=Object.getPrototypeOf(Uint8Array),Ur="__proto__";function Fn(t,e=Ds){let s;if(Ut(t)){let n=t.find(l=>l!=null);if(Ut(n)||e(n)){s=Array(t.length);for(let l=0;l<t.length;l++)s[l]=Fn(t[l],e)}else s=t.slice()}else if(t instanceof gu)s=t.slice();else if(e(t)){s={};for(let n in t)n!=Ur&&(s[n]=Fn(t[n],e))}else s=t;return s}function Me(t){let e=arguments;for(let s=1;s<e.length;s++){let n=e[s];for(let l in n)l!=Ur&&(Ds(t[l])?Me(t[l],Fn(n[l])):t[l]=Fn(n[l]))}return t}var bu=0,wu=1,vu=2;function yu(t,e,s){for(let n=0,l,a=-1;n<e.length;n++){let o=e[n];if(o>a){for(l=o-1;l>=0&&t[l]==null;)t[l--]=null;for(l=o+1;l<s&&t[l]==null;)t[a=l++]=null}}}function xu(t,e){if(_u(t)){let o=t[0].slice();for(let c=1;c<t.length;c++)o.push(...t[c].slice(1));return Tu(o[0])||(o=Su(o)),o}let s=new Set;for(let o=0;o<t.length;o++){let p=t[o][0],f=p.length;for(let b=0;b<f;b++)s.add(p[b])}let n=[Array.from(s).sort((o,c)=>o-c)],l=n[0].length,a=new Map;for(let o=0;o<l;o++)a.set(n[0][o],o);for(let o=0;o<t.length;o++){let c=t[o],p=c[0];for(let f=1;f<c.length;f++){let b=c[f],g=Array(l).fill(void 0),w=e?e[o][f]:wu,E=[];for(let L=0;L<b.length;L++){let D=b[L],H=a.get(p[L]);D===null?w!=bu&&(g[H]=D,w==vu&&E.push(H)):g[H]=D}yu(g,E,l),n.push(g)}}return n}var ku=typeof queueMicrotask>"u"?t=>Promise.resolve().then(t):queueMicrotask;function Su(t){let e=t[0],s=e.length,n=Array(s);for(let a=0;a<n.length;a++)n[a]=a;n.sort((a,o)=>e[a]-e[o]);let l=[];for(let a=0;a<t.length;a++){let o=t[a],c=Array(s);for(let p=0;p<s;p++)c[p]=o[n[p]];l.push(c)}return l}function _u(t){let e=t[0][0],s=e.length;for(let n=1;n<t.length;n++){let l=t[n][0];if(l.length!=s)return!1;if(l!=e){for(let a=0;a<s;a++)if(l[a]!=e[a])return!1}}return!0}function Tu(t,e=100){let s=t.length;if(s<=1)return!0;let n=0,l=s-1;for(;n<=l&&t[n]==null;)n++;for(;l>=n&&t[l]==null;)l--;if(l<=n)return!0;let a=Ye(1,lt((l-n+1)/e));for(let o=t[n],c=n+a;c<=l;c+=a){let p=t[c];if(p!=null){if(p<=o)return!1;o=p}}return!0}var jr=["January","February","March","April","May","June","July","August","September","October","November","December"],Yr=["Sunday","Monday","Tuesday","Wednesday","Thursday","Friday","Saturday"];function Kr(t){return t.slice(0,3)}var Au=Yr.map(Kr),Mu=jr.map(Kr),Eu={MMMM:jr,MMM:Mu,WWWW:Yr,WWW:Au};function Xn(t){return(t<10?"0":"")+t}function Ru(t){return(t<10?"00":t<100?"0":"")+t}var Cu={YYYY:t=>t.getFullYear(),YY:t=>(t.getFullYear()+"").slice(2),MMMM:(t,e)=>e.MMMM[t.getMonth()],MMM:(t,e)=>e.MMM[t.getMonth()],MM:t=>Xn(t.getMonth()+1),M:t=>t.getMonth()+1,DD:t=>Xn(t.getDate()),D:t=>t.getDate(),WWWW:(t,e)=>e.WWWW[t.getDay()],WWW:(t,e)=>e.WWW[t.getDay()],HH:t=>Xn(t.getHours()),H:t=>t.getHours(),h:t=>{let e=t.getHours();return e==0?12:e>12?e-12:e},AA:t=>t.getHours()>=12?"PM":"AM",aa:t=>t.getHours()>=12?"pm":"am",a:t=>t.getHours()>=12?"p":"a",mm:t=>Xn(t.getMinutes()),m:t=>t.getMinutes(),ss:t=>Xn(t.getSeconds()),s:t=>t.getSeconds(),fff:t=>Ru(t.getMilliseconds())};function ql(t,e){e=e||Eu;let s=[],n=/\{([a-z]+)\}|[^{]+/gi,l;for(;l=n.exec(t);)s.push(l[0][0]=="{"?Cu[l[1]]:l[0]);return a=>{let o="";for(let c=0;c<s.length;c++)o+=typeof s[c]=="string"?s[c]:s[c](a,e);return o}}var Lu=new Intl.DateTimeFormat().resolvedOptions().timeZone;function Pu(t,e){let s;return e=="UTC"||e=="Etc/UTC"?s=new Date(+t+t.getTimezoneOffset()*6e4):e==Lu?s=t:(s=new Date(t.toLocaleString("en-US",{timeZone:e})),s.setMilliseconds(t.getMilliseconds())),s}var qr=t=>t%1==0,Ps=[1,2,2.5,5],Iu=is(10,-32,0,Ps),Jr=is(10,0,32,Ps),zu=Jr.filter(qr),an=Iu.concat(Jr),Jl=`
`,Zr="{YYYY}",mr=Jl+Zr,Qr="{M}/{D}",ns=Jl+Qr,Ms=ns+"/{YY}",Xr="{aa}",Ou="{h}:{mm}",zn=Ou+Xr,gr=Jl+zn,br=":{ss}",ae=null;function eo(t){let e=t*1e3,s=e*60,n=s*60,l=n*24,a=l*30,o=l*365,p=(t==1?is(10,0,3,Ps).filter(qr):is(10,-3,0,Ps)).concat([e,e*5,e*10,e*15,e*30,s,s*5,s*10,s*15,s*30,n,n*2,n*3,n*4,n*6,n*8,n*12,l,l*2,l*3,l*4,l*5,l*6,l*7,l*8,l*9,l*10,l*15,a,a*2,a*3,a*4,a*6,o,o*2,o*5,o*10,o*25,o*50,o*100]),f=[[o,Zr,ae,ae,ae,ae,ae,ae,1],[l*28,"{MMM}",mr,ae,ae,ae,ae,ae,1],[l,Qr,mr,ae,ae,ae,ae,ae,1],[n,"{h}"+Xr,Ms,ae,ns,ae,ae,ae,1],[s,zn,Ms,ae,ns,ae,ae,ae,1],[e,br,Ms+" "+zn,ae,ns+" "+zn,ae,gr,ae,1],[t,br+".{fff}",Ms+" "+zn,ae,ns+" "+zn,ae,gr,ae,1]];function b(g){return(w,E,L,D,H,B)=>{let S=[],N=H>=o,_=H>=a&&H<o,q=g(L),P=pe(q*t,3),J=Rl(q.getFullYear(),N?0:q.getMonth(),_||N?1:q.getDate()),j=pe(J*t,3);if(_||N){let X=_?H/a:0,U=N?H/o:0,T=P==j?P:pe(Rl(J.getFullYear()+U,J.getMonth()+X,1)*t,3),K=new Date(Ce(T/t)),I=K.getFullYear(),W=K.getMonth();for(let F=0;T<=D;F++){let te=Rl(I+U*F,W+X*F,1),$=te-g(pe(te*t,3));T=pe((+te+$)*t,3),T<=D&&S.push(T)}}else{let X=H>=l?l:H,U=lt(L)-lt(P),T=j+U+Os(P-j,X);S.push(T);let K=g(T),I=K.getHours()+K.getMinutes()/s+K.getSeconds()/n,W=H/n,F=w.axes[E]._space,te=B/F;for(;T=pe(T+H,t==1?0:3),!(T>D);)if(W>1){let $=lt(pe(I+W,6))%24,ne=g(T).getHours()-$;ne>1&&(ne=-1),T-=ne*n,I=(I+W)%24;let ue=S[S.length-1];pe((T-ue)/H,3)*te>=.7&&S.push(T)}else S.push(T)}return S}}return[p,f,b]}var[Du,$u,Fu]=eo(1),[Nu,Hu,Vu]=eo(.001);is(2,-53,53,[1]);function wr(t,e){return t.map(s=>s.map((n,l)=>l==0||l==8||n==null?n:e(l==1||s[8]==0?n:s[1]+n)))}function vr(t,e){return(s,n,l,a,o)=>{let c=e.find(L=>o>=L[0])||e[e.length-1],p,f,b,g,w,E;return n.map(L=>{let D=t(L),H=D.getFullYear(),B=D.getMonth(),S=D.getDate(),N=D.getHours(),_=D.getMinutes(),q=D.getSeconds(),P=H!=p&&c[2]||B!=f&&c[3]||S!=b&&c[4]||N!=g&&c[5]||_!=w&&c[6]||q!=E&&c[7]||c[1];return p=H,f=B,b=S,g=N,w=_,E=q,P(D)})}}function Bu(t,e){let s=ql(e);return(n,l,a,o,c)=>l.map(p=>s(t(p)))}function Rl(t,e,s){return new Date(t,e,s)}function yr(t,e){return e(t)}var Wu="{YYYY}-{MM}-{DD} {h}:{mm}{aa}";function xr(t,e){return(s,n,l,a)=>a==null?Wl:e(t(n))}function Gu(t,e){let s=t.series[e];return s.width?s.stroke(t,e):s.points.width?s.points.stroke(t,e):null}function Uu(t,e){return t.series[e].fill(t,e)}var ju={show:!0,live:!0,isolate:!1,mount:fu,markers:{show:!0,width:2,stroke:Gu,fill:Uu,dash:"solid"},idx:null,idxs:null,values:[]};function Yu(t,e){let s=t.cursor.points,n=dt(),l=s.size(t,e);ve(n,es,l),ve(n,ts,l);let a=l/-2;ve(n,"marginLeft",a),ve(n,"marginTop",a);let o=s.width(t,e,l);return o&&ve(n,"borderWidth",o),n}function Ku(t,e){let s=t.series[e].points;return s._fill||s._stroke}function qu(t,e){let s=t.series[e].points;return s._stroke||s._fill}function Ju(t,e){return t.series[e].points.size}var Cl=[0,0];function Zu(t,e,s){return Cl[0]=e,Cl[1]=s,Cl}function Es(t,e,s,n=!0){return l=>{l.button==0&&(!n||l.target==e)&&s(l)}}function Ll(t,e,s,n=!0){return l=>{(!n||l.target==e)&&s(l)}}var Qu={show:!0,x:!0,y:!0,lock:!1,move:Zu,points:{one:!1,show:Yu,size:Ju,width:0,stroke:qu,fill:Ku},bind:{mousedown:Es,mouseup:Es,click:Es,dblclick:Es,mousemove:Ll,mouseleave:Ll,mouseenter:Ll},drag:{setScale:!0,x:!0,y:!1,dist:0,uni:null,click:(t,e)=>{e.stopPropagation(),e.stopImmediatePropagation()},_x:!1,_y:!1},focus:{dist:(t,e,s,n,l)=>n-l,prox:-1,bias:0},hover:{skip:[void 0],prox:null,bias:0},left:-10,top:-10,idx:null,dataIdx:null,idxs:null,event:null},to={show:!0,stroke:"rgba(0,0,0,0.07)",width:2},Zl=Me({},to,{filter:Vr}),no=Me({},Zl,{size:10}),so=Me({},to,{show:!1}),Ql='12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Noto Color Emoji"',lo="bold "+Ql,io=1.5,kr={show:!0,scale:"x",stroke:Bl,space:50,gap:5,alignTo:1,size:50,labelGap:0,labelSize:30,labelFont:lo,side:2,grid:Zl,ticks:no,border:so,font:Ql,lineGap:io,rotate:0},Xu="Value",ec="Time",Sr={show:!0,scale:"x",auto:!1,sorted:1,min:de,max:-de,idxs:[]};function tc(t,e,s,n,l){return e.map(a=>a==null?"":Yl(a))}function nc(t,e,s,n,l,a,o){let c=[],p=jt.get(l)||0;s=o?s:pe(Os(s,l),p);for(let f=s;f<=n;f=pe(f+l,p))c.push(Object.is(f,-0)?0:f);return c}function $l(t,e,s,n,l,a,o){let c=[],p=t.scales[t.axes[e].scale].log,f=p==10?zt:Fr,b=lt(f(s));l=Dn(p,b),p==10&&(l=an[yt(l,an)]);let g=s,w=l*p;p==10&&(w=an[yt(w,an)]);do c.push(g),g=g+l,p==10&&!jt.has(g)&&(g=pe(g,jt.get(l))),g>=w&&(l=g,w=l*p,p==10&&(w=an[yt(w,an)]));while(g<=n);return c}function sc(t,e,s,n,l,a,o){let p=t.scales[t.axes[e].scale].asinh,f=n>p?$l(t,e,Ye(p,s),n,l):[p],b=n>=0&&s<=0?[0]:[];return(s<-p?$l(t,e,Ye(p,-n),-s,l):[p]).reverse().map(w=>-w).concat(b,f)}var ro=/./,lc=/[12357]/,ic=/[125]/,_r=/1/,Fl=(t,e,s,n)=>t.map((l,a)=>e==4&&l==0||a%n==0&&s.test(l.toExponential()[l<0?1:0])?l:null);function rc(t,e,s,n,l){let a=t.axes[s],o=a.scale,c=t.scales[o],p=t.valToPos,f=a._space,b=p(10,o),g=p(9,o)-b>=f?ro:p(7,o)-b>=f?lc:p(5,o)-b>=f?ic:_r;if(g==_r){let w=Le(p(1,o)-b);if(w<f)return Fl(e.slice().reverse(),c.distr,g,pt(f/w)).reverse()}return Fl(e,c.distr,g,1)}function oc(t,e,s,n,l){let a=t.axes[s],o=a.scale,c=a._space,p=t.valToPos,f=Le(p(1,o)-p(2,o));return f<c?Fl(e.slice().reverse(),3,ro,pt(c/f)).reverse():e}function ac(t,e,s,n){return n==null?Wl:e==null?"":Yl(e)}var Tr={show:!0,scale:"y",stroke:Bl,space:30,gap:5,alignTo:1,size:50,labelGap:0,labelSize:30,labelFont:lo,side:3,grid:Zl,ticks:no,border:so,font:Ql,lineGap:io,rotate:0};function uc(t,e){let s=3+(t||1)*2;return pe(s*e,3)}function cc(t,e){let{scale:s,idxs:n}=t.series[0],l=t._data[0],a=t.valToPos(l[n[0]],s,!0),o=t.valToPos(l[n[1]],s,!0),c=Le(o-a),p=t.series[e],f=c/(p.points.space*re);return n[1]-n[0]<=f}var Ar={scale:null,auto:!0,sorted:0,min:de,max:-de},oo=(t,e,s,n,l)=>l,Mr={show:!0,auto:!0,sorted:0,gaps:oo,alpha:1,facets:[Me({},Ar,{scale:"x"}),Me({},Ar,{scale:"y"})]},Er={scale:"y",auto:!0,sorted:0,show:!0,spanGaps:!1,gaps:oo,alpha:1,points:{show:cc,filter:null},values:null,min:de,max:-de,idxs:[],path:null,clip:null};function fc(t,e,s,n,l){return s/10}var ao={time:!0,auto:!0,distr:1,log:10,asinh:1,min:null,max:null,dir:1,ori:0},dc=Me({},ao,{time:!1,ori:1}),Rr={};function uo(t,e){let s=Rr[t];return s||(s={key:t,plots:[],sub(n){s.plots.push(n)},unsub(n){s.plots=s.plots.filter(l=>l!=n)},pub(n,l,a,o,c,p,f){for(let b=0;b<s.plots.length;b++)s.plots[b]!=l&&s.plots[b].pub(n,l,a,o,c,p,f)}},t!=null&&(Rr[t]=s)),s}var Nn=1,Nl=2;function dn(t,e,s){let n=t.mode,l=t.series[e],a=n==2?t._data[e]:t._data,o=t.scales,c=t.bbox,p=a[0],f=n==2?a[1]:a[e],b=n==2?o[l.facets[0].scale]:o[t.series[0].scale],g=n==2?o[l.facets[1].scale]:o[l.scale],w=c.left,E=c.top,L=c.width,D=c.height,H=t.valToPosH,B=t.valToPosV;return b.ori==0?s(l,p,f,b,g,H,B,w,E,L,D,Fs,Vn,Hs,fo,ho):s(l,p,f,b,g,B,H,E,w,D,L,Ns,Bn,ti,po,mo)}function Xl(t,e){let s=0,n=0,l=le(t.bands,Kl);for(let a=0;a<l.length;a++){let o=l[a];o.series[0]==e?s=o.dir:o.series[1]==e&&(o.dir==1?n|=1:n|=2)}return[s,n==1?-1:n==2?1:n==3?2:0]}function pc(t,e,s,n,l){let a=t.mode,o=t.series[e],c=a==2?o.facets[1].scale:o.scale,p=t.scales[c];return l==-1?p.min:l==1?p.max:p.distr==3?p.dir==1?p.min:p.max:0}function Ot(t,e,s,n,l,a){return dn(t,e,(o,c,p,f,b,g,w,E,L,D,H)=>{let B=o.pxRound,S=f.dir*(f.ori==0?1:-1),N=f.ori==0?Vn:Bn,_,q;S==1?(_=s,q=n):(_=n,q=s);let P=B(g(c[_],f,D,E)),J=B(w(p[_],b,H,L)),j=B(g(c[q],f,D,E)),X=B(w(a==1?b.max:b.min,b,H,L)),U=new Path2D(l);return N(U,j,X),N(U,P,X),N(U,P,J),U})}function $s(t,e,s,n,l,a){let o=null;if(t.length>0){o=new Path2D;let c=e==0?Hs:ti,p=s;for(let g=0;g<t.length;g++){let w=t[g];if(w[1]>w[0]){let E=w[0]-p;E>0&&c(o,p,n,E,n+a),p=w[1]}}let f=s+l-p,b=10;f>0&&c(o,p,n-b/2,f,n+a+b)}return o}function hc(t,e,s){let n=t[t.length-1];n&&n[0]==e?n[1]=s:t.push([e,s])}function ei(t,e,s,n,l,a,o){let c=[],p=t.length;for(let f=l==1?s:n;f>=s&&f<=n;f+=l)if(e[f]===null){let g=f,w=f;if(l==1)for(;++f<=n&&e[f]===null;)w=f;else for(;--f>=s&&e[f]===null;)w=f;let E=a(t[g]),L=w==g?E:a(t[w]),D=g-l;E=o<=0&&D>=0&&D<p?a(t[D]):E;let B=w+l;L=o>=0&&B>=0&&B<p?a(t[B]):L,L>=E&&c.push([E,L])}return c}function Cr(t){return t==0?Hr:t==1?Ce:e=>on(e,t)}function co(t){let e=t==0?Fs:Ns,s=t==0?(l,a,o,c,p,f)=>{l.arcTo(a,o,c,p,f)}:(l,a,o,c,p,f)=>{l.arcTo(o,a,p,c,f)},n=t==0?(l,a,o,c,p)=>{l.rect(a,o,c,p)}:(l,a,o,c,p)=>{l.rect(o,a,p,c)};return(l,a,o,c,p,f=0,b=0)=>{f==0&&b==0?n(l,a,o,c,p):(f=xt(f,c/2,p/2),b=xt(b,c/2,p/2),e(l,a+f,o),s(l,a+c,o,a+c,o+p,f),s(l,a+c,o+p,a,o+p,b),s(l,a,o+p,a,o,b),s(l,a,o,a+c,o,f),l.closePath())}}var Fs=(t,e,s)=>{t.moveTo(e,s)},Ns=(t,e,s)=>{t.moveTo(s,e)},Vn=(t,e,s)=>{t.lineTo(e,s)},Bn=(t,e,s)=>{t.lineTo(s,e)},Hs=co(0),ti=co(1),fo=(t,e,s,n,l,a)=>{t.arc(e,s,n,l,a)},po=(t,e,s,n,l,a)=>{t.arc(s,e,n,l,a)},ho=(t,e,s,n,l,a,o)=>{t.bezierCurveTo(e,s,n,l,a,o)},mo=(t,e,s,n,l,a,o)=>{t.bezierCurveTo(s,e,l,n,o,a)};function go(t){return(e,s,n,l,a)=>dn(e,s,(o,c,p,f,b,g,w,E,L,D,H)=>{let{pxRound:B,points:S}=o,N,_;f.ori==0?(N=Fs,_=fo):(N=Ns,_=po);let q=pe(S.width*re,3),P=(S.size-S.width)/2*re,J=pe(P*2,3),j=new Path2D,X=new Path2D,{left:U,top:T,width:K,height:I}=e.bbox;Hs(X,U-J,T-J,K+J*2,I+J*2);let W=F=>{if(p[F]!=null){let te=B(g(c[F],f,D,E)),$=B(w(p[F],b,H,L));N(j,te+P,$),_(j,te,$,P,0,Rs*2)}};if(a)a.forEach(W);else for(let F=n;F<=l;F++)W(F);return{stroke:q>0?j:null,fill:j,clip:X,flags:Nn|Nl}})}function bo(t){return(e,s,n,l,a,o)=>{n!=l&&(a!=n&&o!=n&&t(e,s,n),a!=l&&o!=l&&t(e,s,l),t(e,s,o))}}var mc=bo(Vn),gc=bo(Bn);function wo(t){let e=le(t?.alignGaps,0);return(s,n,l,a)=>dn(s,n,(o,c,p,f,b,g,w,E,L,D,H)=>{[l,a]=Is(p,l,a);let B=o.pxRound,S=I=>B(g(I,f,D,E)),N=I=>B(w(I,b,H,L)),_,q;f.ori==0?(_=Vn,q=mc):(_=Bn,q=gc);let P=f.dir*(f.ori==0?1:-1),J={stroke:new Path2D,fill:null,clip:null,band:null,gaps:null,flags:Nn},j=J.stroke,X=!1;if(a-l>=D*4){let I=z=>s.posToVal(z,f.key,!0),W=null,F=null,te,$,Ke,ye=S(c[P==1?l:a]),ne=S(c[l]),ue=S(c[a]),Z=I(P==1?ne+1:ue-1);for(let z=P==1?l:a;z>=l&&z<=a;z+=P){let Ee=c[z],xe=(P==1?Ee<Z:Ee>Z)?ye:S(Ee),oe=p[z];xe==ye?oe!=null?($=oe,W==null?(_(j,xe,N($)),te=W=F=$):$<W?W=$:$>F&&(F=$)):oe===null&&(X=!0):(W!=null&&q(j,ye,N(W),N(F),N(te),N($)),oe!=null?($=oe,_(j,xe,N($)),W=F=te=$):(W=F=null,oe===null&&(X=!0)),ye=xe,Z=I(ye+P))}W!=null&&W!=F&&Ke!=ye&&q(j,ye,N(W),N(F),N(te),N($))}else for(let I=P==1?l:a;I>=l&&I<=a;I+=P){let W=p[I];W===null?X=!0:W!=null&&_(j,S(c[I]),N(W))}let[T,K]=Xl(s,n);if(o.fill!=null||T!=0){let I=J.fill=new Path2D(j),W=o.fillTo(s,n,o.min,o.max,T),F=N(W),te=S(c[l]),$=S(c[a]);P==-1&&([$,te]=[te,$]),_(I,$,F),_(I,te,F)}if(!o.spanGaps){let I=[];X&&I.push(...ei(c,p,l,a,P,S,e)),J.gaps=I=o.gaps(s,n,l,a,I),J.clip=$s(I,f.ori,E,L,D,H)}return K!=0&&(J.band=K==2?[Ot(s,n,l,a,j,-1),Ot(s,n,l,a,j,1)]:Ot(s,n,l,a,j,K)),J})}function bc(t){let e=le(t.align,1),s=le(t.ascDesc,!1),n=le(t.alignGaps,0),l=le(t.extend,!1);return(a,o,c,p)=>dn(a,o,(f,b,g,w,E,L,D,H,B,S,N)=>{[c,p]=Is(g,c,p);let _=f.pxRound,{left:q,width:P}=a.bbox,J=ne=>_(L(ne,w,S,H)),j=ne=>_(D(ne,E,N,B)),X=w.ori==0?Vn:Bn,U={stroke:new Path2D,fill:null,clip:null,band:null,gaps:null,flags:Nn},T=U.stroke,K=w.dir*(w.ori==0?1:-1),I=j(g[K==1?c:p]),W=J(b[K==1?c:p]),F=W,te=W;l&&e==-1&&(te=q,X(T,te,I)),X(T,W,I);for(let ne=K==1?c:p;ne>=c&&ne<=p;ne+=K){let ue=g[ne];if(ue==null)continue;let Z=J(b[ne]),z=j(ue);e==1?X(T,Z,I):X(T,F,z),X(T,Z,z),I=z,F=Z}let $=F;l&&e==1&&($=q+P,X(T,$,I));let[Ke,ye]=Xl(a,o);if(f.fill!=null||Ke!=0){let ne=U.fill=new Path2D(T),ue=f.fillTo(a,o,f.min,f.max,Ke),Z=j(ue);X(ne,$,Z),X(ne,te,Z)}if(!f.spanGaps){let ne=[];ne.push(...ei(b,g,c,p,K,J,n));let ue=f.width*re/2,Z=s||e==1?ue:-ue,z=s||e==-1?-ue:ue;ne.forEach(Ee=>{Ee[0]+=Z,Ee[1]+=z}),U.gaps=ne=f.gaps(a,o,c,p,ne),U.clip=$s(ne,w.ori,H,B,S,N)}return ye!=0&&(U.band=ye==2?[Ot(a,o,c,p,T,-1),Ot(a,o,c,p,T,1)]:Ot(a,o,c,p,T,ye)),U})}function Lr(t,e,s,n,l,a,o=de){if(t.length>1){let c=null;for(let p=0,f=1/0;p<t.length;p++)if(e[p]!==void 0){if(c!=null){let b=Le(t[p]-t[c]);b<f&&(f=b,o=Le(s(t[p],n,l,a)-s(t[c],n,l,a)))}c=p}}return o}function wc(t){t=t||ls;let e=le(t.size,[.6,de,1]),s=t.align||0,n=t.gap||0,l=t.radius;l=l==null?[0,0]:typeof l=="number"?[l,0]:l;let a=ee(l),o=1-e[0],c=le(e[1],de),p=le(e[2],1),f=le(t.disp,ls),b=le(t.each,E=>{}),{fill:g,stroke:w}=f;return(E,L,D,H)=>dn(E,L,(B,S,N,_,q,P,J,j,X,U,T)=>{let K=B.pxRound,I=s,W=n*re,F=c*re,te=p*re,$,Ke;_.ori==0?[$,Ke]=a(E,L):[Ke,$]=a(E,L);let ye=_.dir*(_.ori==0?1:-1),ne=_.ori==0?Hs:ti,ue=_.ori==0?b:(R,he,Re,bn,qt,St,Jt)=>{b(R,he,Re,qt,bn,Jt,St)},Z=le(E.bands,Kl).find(R=>R.series[0]==L),z=Z!=null?Z.dir:0,Ee=B.fillTo(E,L,B.min,B.max,z),Be=K(J(Ee,q,T,X)),xe,oe,ht,Ze=U,Se=K(B.width*re),kt=!1,Lt=null,rt=null,Dt=null,hn=null;g!=null&&(Se==0||w!=null)&&(kt=!0,Lt=g.values(E,L,D,H),rt=new Map,new Set(Lt).forEach(R=>{R!=null&&rt.set(R,new Path2D)}),Se>0&&(Dt=w.values(E,L,D,H),hn=new Map,new Set(Dt).forEach(R=>{R!=null&&hn.set(R,new Path2D)})));let{x0:mn,size:Gn}=f;if(mn!=null&&Gn!=null){I=1,S=mn.values(E,L,D,H),mn.unit==2&&(S=S.map(Re=>E.posToVal(j+Re*U,_.key,!0)));let R=Gn.values(E,L,D,H);Gn.unit==2?oe=R[0]*U:oe=P(R[0],_,U,j)-P(0,_,U,j),Ze=Lr(S,N,P,_,U,j,Ze),ht=Ze-oe+W}else Ze=Lr(S,N,P,_,U,j,Ze),ht=Ze*o+W,oe=Ze-ht;ht<1&&(ht=0),Se>=oe/2&&(Se=0),ht<5&&(K=Hr);let as=ht>0,Yt=Ze-ht-(as?Se:0);oe=K(Dl(Yt,te,F)),xe=(I==0?oe/2:I==ye?0:oe)-I*ye*((I==0?W/2:0)+(as?Se/2:0));let We={stroke:null,fill:null,clip:null,band:null,gaps:null,flags:0},gn=kt?null:new Path2D,Pt=null;if(Z!=null)Pt=E.data[Z.series[1]];else{let{y0:R,y1:he}=f;R!=null&&he!=null&&(N=he.values(E,L,D,H),Pt=R.values(E,L,D,H))}let Kt=$*oe,Y=Ke*oe;for(let R=ye==1?D:H;R>=D&&R<=H;R+=ye){let he=N[R];if(he==null)continue;if(Pt!=null){let qe=Pt[R]??0;if(he-qe==0)continue;Be=J(qe,q,T,X)}let Re=_.distr!=2||f!=null?S[R]:R,bn=P(Re,_,U,j),qt=J(le(he,Ee),q,T,X),St=K(bn-xe),Jt=K(Ye(qt,Be)),Qe=K(xt(qt,Be)),ot=Jt-Qe;if(he!=null){let qe=he<0?Y:Kt,mt=he<0?Kt:Y;kt?(Se>0&&Dt[R]!=null&&ne(hn.get(Dt[R]),St,Qe+lt(Se/2),oe,Ye(0,ot-Se),qe,mt),Lt[R]!=null&&ne(rt.get(Lt[R]),St,Qe+lt(Se/2),oe,Ye(0,ot-Se),qe,mt)):ne(gn,St,Qe+lt(Se/2),oe,Ye(0,ot-Se),qe,mt),ue(E,L,R,St-Se/2,Qe,oe+Se,ot)}}return Se>0?We.stroke=kt?hn:gn:kt||(We._fill=B.width==0?B._fill:B._stroke??B._fill,We.width=0),We.fill=kt?rt:gn,We})}function vc(t,e){let s=le(e?.alignGaps,0);return(n,l,a,o)=>dn(n,l,(c,p,f,b,g,w,E,L,D,H,B)=>{[a,o]=Is(f,a,o);let S=c.pxRound,N=$=>S(w($,b,H,L)),_=$=>S(E($,g,B,D)),q,P,J;b.ori==0?(q=Fs,J=Vn,P=ho):(q=Ns,J=Bn,P=mo);let j=b.dir*(b.ori==0?1:-1),X=N(p[j==1?a:o]),U=X,T=[],K=[];for(let $=j==1?a:o;$>=a&&$<=o;$+=j)if(f[$]!=null){let ye=p[$],ne=N(ye);T.push(U=ne),K.push(_(f[$]))}let I={stroke:t(T,K,q,J,P,S),fill:null,clip:null,band:null,gaps:null,flags:Nn},W=I.stroke,[F,te]=Xl(n,l);if(c.fill!=null||F!=0){let $=I.fill=new Path2D(W),Ke=c.fillTo(n,l,c.min,c.max,F),ye=_(Ke);J($,U,ye),J($,X,ye)}if(!c.spanGaps){let $=[];$.push(...ei(p,f,a,o,j,N,s)),I.gaps=$=c.gaps(n,l,a,o,$),I.clip=$s($,b.ori,L,D,H,B)}return te!=0&&(I.band=te==2?[Ot(n,l,a,o,W,-1),Ot(n,l,a,o,W,1)]:Ot(n,l,a,o,W,te)),I})}function yc(t){return vc(xc,t)}function xc(t,e,s,n,l,a){let o=t.length;if(o<2)return null;let c=new Path2D;if(s(c,t[0],e[0]),o==2)n(c,t[1],e[1]);else{let p=Array(o),f=Array(o-1),b=Array(o-1),g=Array(o-1);for(let w=0;w<o-1;w++)b[w]=e[w+1]-e[w],g[w]=t[w+1]-t[w],f[w]=b[w]/g[w];p[0]=f[0];for(let w=1;w<o-1;w++)f[w]===0||f[w-1]===0||f[w-1]>0!=f[w]>0?p[w]=0:(p[w]=3*(g[w-1]+g[w])/((2*g[w]+g[w-1])/f[w-1]+(g[w]+2*g[w-1])/f[w]),isFinite(p[w])||(p[w]=0));p[o-1]=f[o-2];for(let w=0;w<o-1;w++)l(c,t[w]+g[w]/3,e[w]+p[w]*g[w]/3,t[w+1]-g[w]/3,e[w+1]-p[w+1]*g[w]/3,t[w+1],e[w+1])}return c}var Hl=new Set;function Pr(){for(let t of Hl)t.syncRect(!0)}Hn&&(cn(tu,On,Pr),cn(nu,On,Pr,!0),cn(Cs,On,()=>{Fe.pxRatio=re}));var kc=wo(),Sc=go();function Ir(t,e,s,n){return(n?[t[0],t[1]].concat(t.slice(2)):[t[0]].concat(t.slice(1))).map((a,o)=>Vl(a,o,e,s))}function _c(t,e){return t.map((s,n)=>n==0?{}:Me({},e,s))}function Vl(t,e,s,n){return Me({},e==0?s:n,t)}function vo(t,e,s){return e==null?$n:[e,s]}var Tc=vo;function Ac(t,e,s){return e==null?$n:Ls(e,s,jl,!0)}function yo(t,e,s,n){return e==null?$n:zs(e,s,t.scales[n].log,!1)}var Mc=yo;function xo(t,e,s,n){return e==null?$n:Ul(e,s,t.scales[n].log,!1)}var Ec=xo;function Rc(t,e,s,n,l){let a=Ye(fr(t),fr(e)),o=e-t,c=yt(l/n*o,s);do{let p=s[c],f=n*p/o;if(f>=l&&a+(p<5?jt.get(p):0)<=17)return[p,f]}while(++c<s.length);return[0,0]}function zr(t){let e,s;return t=t.replace(/(\d+)px/,(n,l)=>(e=Ce((s=+l)*re))+"px"),[t,e,s]}function Cc(t){t.show&&[t.font,t.labelFont].forEach(e=>{let s=pe(e[2]*re,1);e[0]=e[0].replace(/[0-9.]+px/,s+"px"),e[1]=s})}function Fe(t,e,s){let n={mode:le(t.mode,1)},l=n.mode;function a(i,r,u,d){let h=r.valToPct(i);return d+u*(r.dir==-1?1-h:h)}function o(i,r,u,d){let h=r.valToPct(i);return d+u*(r.dir==-1?h:1-h)}function c(i,r,u,d){return r.ori==0?a(i,r,u,d):o(i,r,u,d)}n.valToPosH=a,n.valToPosV=o;let p=!1;n.status=0;let f=n.root=dt($a);if(t.id!=null&&(f.id=t.id),st(f,t.class),t.title){let i=dt(Ha,f);i.textContent=t.title}let b=vt("canvas"),g=n.ctx=b.getContext("2d"),w=dt(Va,f);cn("click",w,i=>{i.target===L&&(me!=En||ke!=Rn)&&He.click(n,i)},!0);let E=n.under=dt(Ba,w);w.appendChild(b);let L=n.over=dt(Wa,w);t=Fn(t);let D=+le(t.pxAlign,1),H=Cr(D);(t.plugins||[]).forEach(i=>{i.opts&&(t=i.opts(n,t)||t)});let B=t.ms||.001,S=n.series=l==1?Ir(t.series||[],Sr,Er,!1):_c(t.series||[null],Mr),N=n.axes=Ir(t.axes||[],kr,Tr,!0),_=n.scales={},q=n.bands=t.bands||[];q.forEach(i=>{i.fill=ee(i.fill||null),i.dir=le(i.dir,-1)});let P=l==2?S[1].facets[0].scale:S[0].scale,J={axes:aa,series:sa},j=(t.drawOrder||["axes","series"]).map(i=>J[i]);function X(i){let r=i.distr==3?u=>zt(u>0?u:i.clamp(n,u,i.min,i.max,i.key)):i.distr==4?u=>El(u,i.asinh):i.distr==100?u=>i.fwd(u):u=>u;return u=>{let d=r(u),{_min:h,_max:m}=i,v=m-h;return(d-h)/v}}function U(i){let r=_[i];if(r==null){let u=(t.scales||ls)[i]||ls;if(u.from!=null){U(u.from);let d=Me({},_[u.from],u,{key:i});d.valToPct=X(d),_[i]=d}else{r=_[i]=Me({},i==P?ao:dc,u),r.key=i;let d=r.time,h=r.range,m=Ut(h);if((i!=P||l==2&&!d)&&(m&&(h[0]==null||h[1]==null)&&(h={min:h[0]==null?ar:{mode:1,hard:h[0],soft:h[0]},max:h[1]==null?ar:{mode:1,hard:h[1],soft:h[1]}},m=!1),!m&&Ds(h))){let v=h;h=(x,k,A)=>k==null?$n:Ls(k,A,v)}r.range=ee(h||(d?Tc:i==P?r.distr==3?Mc:r.distr==4?Ec:vo:r.distr==3?yo:r.distr==4?xo:Ac)),r.auto=ee(m?!1:r.auto),r.clamp=ee(r.clamp||fc),r._min=r._max=null,r.valToPct=X(r)}}}U("x"),U("y"),l==1&&S.forEach(i=>{U(i.scale)}),N.forEach(i=>{U(i.scale)});for(let i in t.scales)U(i);let T=_[P],K=T.distr,I,W;T.ori==0?(st(f,Fa),I=a,W=o):(st(f,Na),I=o,W=a);let F={};for(let i in _){let r=_[i];(r.min!=null||r.max!=null)&&(F[i]={min:r.min,max:r.max},r.min=r.max=null)}let te=t.tzDate||(i=>new Date(Ce(i/B))),$=t.fmtDate||ql,Ke=B==1?Fu(te):Vu(te),ye=vr(te,wr(B==1?$u:Hu,$)),ne=xr(te,yr(Wu,$)),ue=[],Z=n.legend=Me({},ju,t.legend),z=n.cursor=Me({},Qu,{drag:{y:l==2}},t.cursor),Ee=Z.show,Be=z.show,xe=Z.markers;Z.idxs=ue,xe.width=ee(xe.width),xe.dash=ee(xe.dash),xe.stroke=ee(xe.stroke),xe.fill=ee(xe.fill);let oe,ht,Ze,Se=[],kt=[],Lt,rt=!1,Dt={};if(Z.live){let i=S[1]?S[1].values:null;rt=i!=null,Lt=rt?i(n,1,0):{_:0};for(let r in Lt)Dt[r]=Wl}if(Ee)if(oe=vt("table",qa,f),Ze=vt("tbody",null,oe),Z.mount(n,oe),rt){ht=vt("thead",null,oe,Ze);let i=vt("tr",null,ht);vt("th",null,i);for(var hn in Lt)vt("th",qi,i).textContent=hn}else st(oe,Za),Z.live&&st(oe,Ja);let mn={show:!0},Gn={show:!1};function as(i,r){if(r==0&&(rt||!Z.live||l==2))return $n;let u=[],d=vt("tr",Qa,Ze,Ze.childNodes[r]);st(d,i.class),i.show||st(d,un);let h=vt("th",null,d);if(xe.show){let x=dt(Xa,h);if(r>0){let k=xe.width(n,r);k&&(x.style.border=k+"px "+xe.dash(n,r)+" "+xe.stroke(n,r)),x.style.background=xe.fill(n,r)}}let m=dt(qi,h);i.label instanceof HTMLElement?m.appendChild(i.label):m.textContent=i.label,r>0&&(xe.show||(m.style.color=i.width>0?xe.stroke(n,r):xe.fill(n,r)),We("click",h,x=>{if(z._lock)return;Qt(x);let k=S.indexOf(i);if((x.ctrlKey||x.metaKey)!=Z.isolate){let A=S.some((M,C)=>C>0&&C!=k&&M.show);S.forEach((M,C)=>{C>0&&Tt(C,A?C==k?mn:Gn:mn,!0,Ae.setSeries)})}else Tt(k,{show:!i.show},!0,Ae.setSeries)},!1),vn&&We(Xi,h,x=>{z._lock||(Qt(x),Tt(S.indexOf(i),Ln,!0,Ae.setSeries))},!1));for(var v in Lt){let x=vt("td",eu,d);x.textContent="--",u.push(x)}return[d,u]}let Yt=new Map;function We(i,r,u,d=!0){let h=Yt.get(r)||{},m=z.bind[i](n,r,u,d);m&&(cn(i,r,h[i]=m),Yt.set(r,h))}function gn(i,r,u){let d=Yt.get(r)||{};for(let h in d)(i==null||h==i)&&(Ol(h,r,d[h]),delete d[h]);i==null&&Yt.delete(r)}let Pt=0,Kt=0,Y=0,R=0,he=0,Re=0,bn=he,qt=Re,St=Y,Jt=R,Qe=0,ot=0,qe=0,mt=0;n.bbox={};let js=!1,us=!1,wn=!1,Zt=!1,cs=!1,at=!1;function Ys(i,r,u){(u||i!=n.width||r!=n.height)&&ai(i,r),_n(!1),wn=!0,us=!0,Tn()}function ai(i,r){n.width=Pt=Y=i,n.height=Kt=R=r,he=Re=0,Jo(),Zo();let u=n.bbox;Qe=u.left=on(he*re,.5),ot=u.top=on(Re*re,.5),qe=u.width=on(Y*re,.5),mt=u.height=on(R*re,.5)}let Yo=3;function Ko(){let i=!1,r=0;for(;!i;){r++;let u=ra(r),d=oa(r);i=r==Yo||u&&d,i||(ai(n.width,n.height),us=!0)}}function qo({width:i,height:r}){Ys(i,r)}n.setSize=qo;function Jo(){let i=!1,r=!1,u=!1,d=!1;N.forEach((h,m)=>{if(h.show&&h._show){let{side:v,_size:x}=h,k=v%2,A=h.label!=null?h.labelSize:0,M=x+A;M>0&&(k?(Y-=M,v==3?(he+=M,d=!0):u=!0):(R-=M,v==0?(Re+=M,i=!0):r=!0))}}),Xt[0]=i,Xt[1]=u,Xt[2]=r,Xt[3]=d,Y-=$t[1]+$t[3],he+=$t[3],R-=$t[2]+$t[0],Re+=$t[0]}function Zo(){let i=he+Y,r=Re+R,u=he,d=Re;function h(m,v){switch(m){case 1:return i+=v,i-v;case 2:return r+=v,r-v;case 3:return u-=v,u+v;case 0:return d-=v,d+v}}N.forEach((m,v)=>{if(m.show&&m._show){let x=m.side;m._pos=h(x,m._size),m.label!=null&&(m._lpos=h(x,m.labelSize))}})}if(z.dataIdx==null){let i=z.hover,r=i.skip=new Set(i.skip??[]);r.add(void 0);let u=i.prox=ee(i.prox),d=i.bias??=0;z.dataIdx=(h,m,v,x)=>{if(m==0)return v;let k=v,A=u(h,m,v,x)??de,M=A>=0&&A<de,C=T.ori==0?Y:R,G=z.left,ie=e[0],se=e[m];if(r.has(se[v])){k=null;let Q=null,V=null,O;if(d==0||d==-1)for(O=v;Q==null&&O-- >0;)r.has(se[O])||(Q=O);if(d==0||d==1)for(O=v;V==null&&O++<se.length;)r.has(se[O])||(V=O);if(Q!=null||V!=null)if(M){let be=Q==null?-1/0:I(ie[Q],T,C,0),_e=V==null?1/0:I(ie[V],T,C,0),$e=G-be,ce=_e-G;$e<=ce?$e<=A&&(k=Q):ce<=A&&(k=V)}else k=V==null?Q:Q==null?V:v-Q<=V-v?Q:V}else M&&Le(G-I(ie[v],T,C,0))>A&&(k=null);return k}}let Qt=i=>{z.event=i};z.idxs=ue,z._lock=!1;let Ve=z.points;Ve.show=ee(Ve.show),Ve.size=ee(Ve.size),Ve.stroke=ee(Ve.stroke),Ve.width=ee(Ve.width),Ve.fill=ee(Ve.fill);let _t=n.focus=Me({},t.focus||{alpha:.3},z.focus),vn=_t.prox>=0,yn=vn&&Ve.one,ut=[],xn=[],kn=[];function ui(i,r){let u=Ve.show(n,r);if(u instanceof HTMLElement)return st(u,Ka),st(u,i.class),Ct(u,-10,-10,Y,R),L.insertBefore(u,ut[r]),u}function ci(i,r){if(l==1||r>0){let u=l==1&&_[i.scale].time,d=i.value;i.value=u?hr(d)?xr(te,yr(d,$)):d||ne:d||ac,i.label=i.label||(u?ec:Xu)}if(yn||r>0){i.width=i.width==null?1:i.width,i.paths=i.paths||kc||du,i.fillTo=ee(i.fillTo||pc),i.pxAlign=+le(i.pxAlign,D),i.pxRound=Cr(i.pxAlign),i.stroke=ee(i.stroke||null),i.fill=ee(i.fill||null),i._stroke=i._fill=i._paths=i._focus=null;let u=uc(Ye(1,i.width),1),d=i.points=Me({},{size:u,width:Ye(1,u*.2),stroke:i.stroke,space:u*2,paths:Sc,_stroke:null,_fill:null},i.points);d.show=ee(d.show),d.filter=ee(d.filter),d.fill=ee(d.fill),d.stroke=ee(d.stroke),d.paths=ee(d.paths),d.pxAlign=i.pxAlign}if(Ee){let u=as(i,r);Se.splice(r,0,u[0]),kt.splice(r,0,u[1]),Z.values.push(null)}if(Be){ue.splice(r,0,null);let u=null;yn?r==0&&(u=ui(i,r)):r>0&&(u=ui(i,r)),ut.splice(r,0,u),xn.splice(r,0,0),kn.splice(r,0,0)}De("addSeries",r)}function Qo(i,r){r=r??S.length,i=l==1?Vl(i,r,Sr,Er):Vl(i,r,{},Mr),S.splice(r,0,i),ci(S[r],r)}n.addSeries=Qo;function Xo(i){if(S.splice(i,1),Ee){Z.values.splice(i,1),kt.splice(i,1);let r=Se.splice(i,1)[0];gn(null,r.firstChild),r.remove()}Be&&(ue.splice(i,1),ut.splice(i,1)[0].remove(),xn.splice(i,1),kn.splice(i,1)),De("delSeries",i)}n.delSeries=Xo;let Xt=[!1,!1,!1,!1];function ea(i,r){if(i._show=i.show,i.show){let u=i.side%2,d=_[i.scale];d==null&&(i.scale=u?S[1].scale:P,d=_[i.scale]);let h=d.time;i.size=ee(i.size),i.space=ee(i.space),i.rotate=ee(i.rotate),Ut(i.incrs)&&i.incrs.forEach(v=>{!jt.has(v)&&jt.set(v,Wr(v))}),i.incrs=ee(i.incrs||(d.distr==2?zu:h?B==1?Du:Nu:an)),i.splits=ee(i.splits||(h&&d.distr==1?Ke:d.distr==3?$l:d.distr==4?sc:nc)),i.stroke=ee(i.stroke),i.grid.stroke=ee(i.grid.stroke),i.ticks.stroke=ee(i.ticks.stroke),i.border.stroke=ee(i.border.stroke);let m=i.values;i.values=Ut(m)&&!Ut(m[0])?ee(m):h?Ut(m)?vr(te,wr(m,$)):hr(m)?Bu(te,m):m||ye:m||tc,i.filter=ee(i.filter||(d.distr>=3&&d.log==10?rc:d.distr==3&&d.log==2?oc:Vr)),i.font=zr(i.font),i.labelFont=zr(i.labelFont),i._size=i.size(n,null,r,0),i._space=i._rotate=i._incrs=i._found=i._splits=i._values=null,i._size>0&&(Xt[r]=!0,i._el=dt(Ga,w))}}function Un(i,r,u,d){let[h,m,v,x]=u,k=r%2,A=0;return k==0&&(x||m)&&(A=r==0&&!h||r==2&&!v?Ce(kr.size/3):0),k==1&&(h||v)&&(A=r==1&&!m||r==3&&!x?Ce(Tr.size/2):0),A}let fi=n.padding=(t.padding||[Un,Un,Un,Un]).map(i=>ee(le(i,Un))),$t=n._padding=fi.map((i,r)=>i(n,r,Xt,0)),Ne,Pe=null,Ie=null,fs=l==1?S[0].idxs:null,gt=null,jn=!1;function di(i,r){if(e=i??[],n.data=n._data=e,l==2){Ne=0;for(let u=1;u<S.length;u++)Ne+=e[u][0].length}else{e.length==0&&(n.data=n._data=e=[[]]),gt=e[0],Ne=gt.length;let u=e;if(K==2){u=e.slice();let d=u[0]=Array(Ne);for(let h=0;h<Ne;h++)d[h]=h}n._data=e=u}if(_n(!0),De("setData"),K==2&&(wn=!0),r!==!1){let u=T;u.auto(n,jn)?Ks():Nt(P,u.min,u.max),Zt=Zt||z.left>=0,at=!0,Tn()}}n.setData=di;function Ks(){jn=!0;let i,r;l==1&&(Ne>0?(Pe=fs[0]=0,Ie=fs[1]=Ne-1,i=e[0][Pe],r=e[0][Ie],K==2?(i=Pe,r=Ie):i==r&&(K==3?[i,r]=zs(i,i,T.log,!1):K==4?[i,r]=Ul(i,i,T.log,!1):T.time?r=i+Ce(86400/B):[i,r]=Ls(i,r,jl,!0))):(Pe=fs[0]=i=null,Ie=fs[1]=r=null)),Nt(P,i,r)}let ds,Sn,qs,Js,Zs,Qs,Xs,el,tl,Je;function pi(i,r,u,d,h,m){i??=Zi,u??=Kl,d??="butt",h??=Zi,m??="round",i!=ds&&(g.strokeStyle=ds=i),h!=Sn&&(g.fillStyle=Sn=h),r!=qs&&(g.lineWidth=qs=r),m!=Zs&&(g.lineJoin=Zs=m),d!=Qs&&(g.lineCap=Qs=d),u!=Js&&g.setLineDash(Js=u)}function hi(i,r,u,d){r!=Sn&&(g.fillStyle=Sn=r),i!=Xs&&(g.font=Xs=i),u!=el&&(g.textAlign=el=u),d!=tl&&(g.textBaseline=tl=d)}function nl(i,r,u,d,h=0){if(d.length>0&&i.auto(n,jn)&&(r==null||r.min==null)){let m=le(Pe,0),v=le(Ie,d.length-1),x=u.min==null?ru(d,m,v,h,i.distr==3):[u.min,u.max];i.min=xt(i.min,u.min=x[0]),i.max=Ye(i.max,u.max=x[1])}}let mi={min:null,max:null};function ta(){for(let d in _){let h=_[d];F[d]==null&&(h.min==null||F[P]!=null&&h.auto(n,jn))&&(F[d]=mi)}for(let d in _){let h=_[d];F[d]==null&&h.from!=null&&F[h.from]!=null&&(F[d]=mi)}F[P]!=null&&_n(!0);let i={};for(let d in F){let h=F[d];if(h!=null){let m=i[d]=Fn(_[d],mu);if(h.min!=null)Me(m,h);else if(d!=P||l==2)if(Ne==0&&m.from==null){let v=m.range(n,null,null,d);m.min=v[0],m.max=v[1]}else m.min=de,m.max=-de}}if(Ne>0){S.forEach((d,h)=>{if(l==1){let m=d.scale,v=F[m];if(v==null)return;let x=i[m];if(h==0){let k=x.range(n,x.min,x.max,m);x.min=k[0],x.max=k[1],Pe=yt(x.min,e[0]),Ie=yt(x.max,e[0]),Ie-Pe>1&&(e[0][Pe]<x.min&&Pe++,e[0][Ie]>x.max&&Ie--),d.min=gt[Pe],d.max=gt[Ie]}else d.show&&d.auto&&nl(x,v,d,e[h],d.sorted);d.idxs[0]=Pe,d.idxs[1]=Ie}else if(h>0&&d.show&&d.auto){let[m,v]=d.facets,x=m.scale,k=v.scale,[A,M]=e[h],C=i[x],G=i[k];C!=null&&nl(C,F[x],m,A,m.sorted),G!=null&&nl(G,F[k],v,M,v.sorted),d.min=v.min,d.max=v.max}});for(let d in i){let h=i[d],m=F[d];if(h.from==null&&(m==null||m.min==null)){let v=h.range(n,h.min==de?null:h.min,h.max==-de?null:h.max,d);h.min=v[0],h.max=v[1]}}}for(let d in i){let h=i[d];if(h.from!=null){let m=i[h.from];if(m.min==null)h.min=h.max=null;else{let v=h.range(n,m.min,m.max,d);h.min=v[0],h.max=v[1]}}}let r={},u=!1;for(let d in i){let h=i[d],m=_[d];if(m.min!=h.min||m.max!=h.max){m.min=h.min,m.max=h.max;let v=m.distr;m._min=v==3?zt(m.min):v==4?El(m.min,m.asinh):v==100?m.fwd(m.min):m.min,m._max=v==3?zt(m.max):v==4?El(m.max,m.asinh):v==100?m.fwd(m.max):m.max,r[d]=u=!0}}if(u){S.forEach((d,h)=>{l==2?h>0&&r.y&&(d._paths=null):r[d.scale]&&(d._paths=null)});for(let d in r)wn=!0,De("setScale",d);Be&&z.left>=0&&(Zt=at=!0)}for(let d in F)F[d]=null}function na(i){let r=Dl(Pe-1,0,Ne-1),u=Dl(Ie+1,0,Ne-1);for(;i[r]==null&&r>0;)r--;for(;i[u]==null&&u<Ne-1;)u++;return[r,u]}function sa(){if(Ne>0){let i=S.some(r=>r._focus)&&Je!=_t.alpha;i&&(g.globalAlpha=Je=_t.alpha),S.forEach((r,u)=>{if(u>0&&r.show&&(gi(u,!1),gi(u,!0),r._paths==null)){let d=Je;Je!=r.alpha&&(g.globalAlpha=Je=r.alpha);let h=l==2?[0,e[u][0].length-1]:na(e[u]);r._paths=r.paths(n,u,h[0],h[1]),Je!=d&&(g.globalAlpha=Je=d)}}),S.forEach((r,u)=>{if(u>0&&r.show){let d=Je;Je!=r.alpha&&(g.globalAlpha=Je=r.alpha),r._paths!=null&&bi(u,!1);{let h=r._paths!=null?r._paths.gaps:null,m=r.points.show(n,u,Pe,Ie,h),v=r.points.filter(n,u,m,h);(m||v)&&(r.points._paths=r.points.paths(n,u,Pe,Ie,v),bi(u,!0))}Je!=d&&(g.globalAlpha=Je=d),De("drawSeries",u)}}),i&&(g.globalAlpha=Je=1)}}function gi(i,r){let u=r?S[i].points:S[i];u._stroke=u.stroke(n,i),u._fill=u.fill(n,i)}function bi(i,r){let u=r?S[i].points:S[i],{stroke:d,fill:h,clip:m,flags:v,_stroke:x=u._stroke,_fill:k=u._fill,_width:A=u.width}=u._paths;A=pe(A*re,3);let M=null,C=A%2/2;r&&k==null&&(k=A>0?"#fff":x);let G=u.pxAlign==1&&C>0;if(G&&g.translate(C,C),!r){let ie=Qe-A/2,se=ot-A/2,Q=qe+A,V=mt+A;M=new Path2D,M.rect(ie,se,Q,V)}r?sl(x,A,u.dash,u.cap,k,d,h,v,m):la(i,x,A,u.dash,u.cap,k,d,h,v,M,m),G&&g.translate(-C,-C)}function la(i,r,u,d,h,m,v,x,k,A,M){let C=!1;k!=0&&q.forEach((G,ie)=>{if(G.series[0]==i){let se=S[G.series[1]],Q=e[G.series[1]],V=(se._paths||ls).band;Ut(V)&&(V=G.dir==1?V[0]:V[1]);let O,be=null;se.show&&V&&au(Q,Pe,Ie)?(be=G.fill(n,ie)||m,O=se._paths.clip):V=null,sl(r,u,d,h,be,v,x,k,A,M,O,V),C=!0}}),C||sl(r,u,d,h,m,v,x,k,A,M)}let wi=Nn|Nl;function sl(i,r,u,d,h,m,v,x,k,A,M,C){pi(i,r,u,d,h),(k||A||C)&&(g.save(),k&&g.clip(k),A&&g.clip(A)),C?(x&wi)==wi?(g.clip(C),M&&g.clip(M),hs(h,v),ps(i,m,r)):x&Nl?(hs(h,v),g.clip(C),ps(i,m,r)):x&Nn&&(g.save(),g.clip(C),M&&g.clip(M),hs(h,v),g.restore(),ps(i,m,r)):(hs(h,v),ps(i,m,r)),(k||A||C)&&g.restore()}function ps(i,r,u){u>0&&(r instanceof Map?r.forEach((d,h)=>{g.strokeStyle=ds=h,g.stroke(d)}):r!=null&&i&&g.stroke(r))}function hs(i,r){r instanceof Map?r.forEach((u,d)=>{g.fillStyle=Sn=d,g.fill(u)}):r!=null&&i&&g.fill(r)}function ia(i,r,u,d){let h=N[i],m;if(d<=0)m=[0,0];else{let v=h._space=h.space(n,i,r,u,d),x=h._incrs=h.incrs(n,i,r,u,d,v);m=Rc(r,u,x,d,v)}return h._found=m}function ll(i,r,u,d,h,m,v,x,k,A){let M=v%2/2;D==1&&g.translate(M,M),pi(x,v,k,A,x),g.beginPath();let C,G,ie,se,Q=h+(d==0||d==3?-m:m);u==0?(G=h,se=Q):(C=h,ie=Q);for(let V=0;V<i.length;V++)r[V]!=null&&(u==0?C=ie=i[V]:G=se=i[V],g.moveTo(C,G),g.lineTo(ie,se));g.stroke(),D==1&&g.translate(-M,-M)}function ra(i){let r=!0;return N.forEach((u,d)=>{if(!u.show)return;let h=_[u.scale];if(h.min==null){u._show&&(r=!1,u._show=!1,_n(!1));return}else u._show||(r=!1,u._show=!0,_n(!1));let m=u.side,v=m%2,{min:x,max:k}=h,[A,M]=ia(d,x,k,v==0?Y:R);if(M==0)return;let C=h.distr==2,G=u._splits=u.splits(n,d,x,k,A,M,C),ie=h.distr==2?G.map(O=>gt[O]):G,se=h.distr==2?gt[G[1]]-gt[G[0]]:A,Q=u._values=u.values(n,u.filter(n,ie,d,M,se),d,M,se);u._rotate=m==2?u.rotate(n,Q,d,M):0;let V=u._size;u._size=pt(u.size(n,Q,d,i)),V!=null&&u._size!=V&&(r=!1)}),r}function oa(i){let r=!0;return fi.forEach((u,d)=>{let h=u(n,d,Xt,i);h!=$t[d]&&(r=!1),$t[d]=h}),r}function aa(){for(let i=0;i<N.length;i++){let r=N[i];if(!r.show||!r._show)continue;let u=r.side,d=u%2,h,m,v=r.stroke(n,i),x=u==0||u==3?-1:1,[k,A]=r._found;if(r.label!=null){let Ue=r.labelGap*x,tt=Ce((r._lpos+Ue)*re);hi(r.labelFont[0],v,"center",u==2?"top":Ji),g.save(),d==1?(h=m=0,g.translate(tt,Ce(ot+mt/2)),g.rotate((u==3?-Rs:Rs)/2)):(h=Ce(Qe+qe/2),m=tt);let nn=Nr(r.label)?r.label(n,i,k,A):r.label;g.fillText(nn,h,m),g.restore()}if(A==0)continue;let M=_[r.scale],C=d==0?qe:mt,G=d==0?Qe:ot,ie=r._splits,se=M.distr==2?ie.map(Ue=>gt[Ue]):ie,Q=M.distr==2?gt[ie[1]]-gt[ie[0]]:k,V=r.ticks,O=r.border,be=V.show?V.size:0,_e=Ce(be*re),$e=Ce((r.alignTo==2?r._size-be-r.gap:r.gap)*re),ce=r._rotate*-Rs/180,Te=H(r._pos*re),Xe=(_e+$e)*x,Ge=Te+Xe;m=d==0?Ge:0,h=d==1?Ge:0;let ct=r.font[0],bt=r.align==1?In:r.align==2?Tl:ce>0?In:ce<0?Tl:d==0?"center":u==3?Tl:In,Mt=ce||d==1?"middle":u==2?"top":Ji;hi(ct,v,bt,Mt);let et=r.font[1]*r.lineGap,ft=ie.map(Ue=>H(c(Ue,M,C,G))),wt=r._values;for(let Ue=0;Ue<wt.length;Ue++){let tt=wt[Ue];if(tt!=null){d==0?h=ft[Ue]:m=ft[Ue],tt=""+tt;let nn=tt.indexOf(`
`)==-1?[tt]:tt.split(/\n/gm);for(let je=0;je<nn.length;je++){let $i=nn[je];ce?(g.save(),g.translate(h,m+je*et),g.rotate(ce),g.fillText($i,0,0),g.restore()):g.fillText($i,h,m+je*et)}}}V.show&&ll(ft,V.filter(n,se,i,A,Q),d,u,Te,_e,pe(V.width*re,3),V.stroke(n,i),V.dash,V.cap);let Et=r.grid;Et.show&&ll(ft,Et.filter(n,se,i,A,Q),d,d==0?2:1,d==0?ot:Qe,d==0?mt:qe,pe(Et.width*re,3),Et.stroke(n,i),Et.dash,Et.cap),O.show&&ll([Te],[1],d==0?1:0,d==0?1:2,d==1?ot:Qe,d==1?mt:qe,pe(O.width*re,3),O.stroke(n,i),O.dash,O.cap)}De("drawAxes")}function _n(i){S.forEach((r,u)=>{u>0&&(r._paths=null,i&&(l==1?(r.min=null,r.max=null):r.facets.forEach(d=>{d.min=null,d.max=null})))})}let ms=!1,il=!1,Yn=[];function ua(){il=!1;for(let i=0;i<Yn.length;i++)De(...Yn[i]);Yn.length=0}function Tn(){ms||(ku(vi),ms=!0)}function ca(i,r=!1){ms=!0,il=r,i(n),vi(),r&&Yn.length>0&&queueMicrotask(ua)}n.batch=ca;function vi(){if(js&&(ta(),js=!1),wn&&(Ko(),wn=!1),us){if(ve(E,In,he),ve(E,"top",Re),ve(E,es,Y),ve(E,ts,R),ve(L,In,he),ve(L,"top",Re),ve(L,es,Y),ve(L,ts,R),ve(w,es,Pt),ve(w,ts,Kt),b.width=Ce(Pt*re),b.height=Ce(Kt*re),N.forEach(({_el:i,_show:r,_size:u,_pos:d,side:h})=>{if(i!=null)if(r){let m=h===3||h===0?u:0,v=h%2==1;ve(i,v?"left":"top",d-m),ve(i,v?"width":"height",u),ve(i,v?"top":"left",v?Re:he),ve(i,v?"height":"width",v?R:Y),zl(i,un)}else st(i,un)}),ds=Sn=qs=Zs=Qs=Xs=el=tl=Js=null,Je=1,Jn(!0),he!=bn||Re!=qt||Y!=St||R!=Jt){_n(!1);let i=Y/St,r=R/Jt;if(Be&&!Zt&&z.left>=0){z.left*=i,z.top*=r,An&&Ct(An,Ce(z.left),0,Y,R),Mn&&Ct(Mn,0,Ce(z.top),Y,R);for(let u=0;u<ut.length;u++){let d=ut[u];d!=null&&(xn[u]*=i,kn[u]*=r,Ct(d,pt(xn[u]),pt(kn[u]),Y,R))}}if(ge.show&&!cs&&ge.left>=0&&ge.width>0){ge.left*=i,ge.width*=i,ge.top*=r,ge.height*=r;for(let u in fl)ve(Cn,u,ge[u])}bn=he,qt=Re,St=Y,Jt=R}De("setSize"),us=!1}Pt>0&&Kt>0&&(g.clearRect(0,0,b.width,b.height),De("drawClear"),j.forEach(i=>i()),De("draw")),ge.show&&cs&&(gs(ge),cs=!1),Be&&Zt&&(tn(null,!0,!1),Zt=!1),Z.show&&Z.live&&at&&(ul(),at=!1),p||(p=!0,n.status=1,De("ready")),jn=!1,ms=!1}n.redraw=(i,r)=>{wn=r||!1,i!==!1?Nt(P,T.min,T.max):Tn()};function rl(i,r){let u=_[i];if(u.from==null){if(Ne==0){let d=u.range(n,r.min,r.max,i);r.min=d[0],r.max=d[1]}if(r.min>r.max){let d=r.min;r.min=r.max,r.max=d}if(Ne>1&&r.min!=null&&r.max!=null&&r.max-r.min<1e-16)return;i==P&&u.distr==2&&Ne>0&&(r.min=yt(r.min,e[0]),r.max=yt(r.max,e[0]),r.min==r.max&&r.max++),F[i]=r,js=!0,Tn()}}n.setScale=rl;let ol,al,An,Mn,yi,xi,En,Rn,ki,Si,me,ke,Ft=!1,He=z.drag,ze=He.x,Oe=He.y;Be&&(z.x&&(ol=dt(ja,L)),z.y&&(al=dt(Ya,L)),T.ori==0?(An=ol,Mn=al):(An=al,Mn=ol),me=z.left,ke=z.top);let ge=n.select=Me({show:!0,over:!0,left:0,width:0,top:0,height:0},t.select),Cn=ge.show?dt(Ua,ge.over?L:E):null;function gs(i,r){if(ge.show){for(let u in i)ge[u]=i[u],u in fl&&ve(Cn,u,i[u]);r!==!1&&De("setSelect")}}n.setSelect=gs;function fa(i){if(S[i].show)Ee&&zl(Se[i],un);else if(Ee&&st(Se[i],un),Be){let u=yn?ut[0]:ut[i];u!=null&&Ct(u,-10,-10,Y,R)}}function Nt(i,r,u){rl(i,{min:r,max:u})}function Tt(i,r,u,d){r.focus!=null&&ga(i),r.show!=null&&S.forEach((h,m)=>{m>0&&(i==m||i==null)&&(h.show=r.show,fa(m),l==2?(Nt(h.facets[0].scale,null,null),Nt(h.facets[1].scale,null,null)):Nt(h.scale,null,null),Tn())}),u!==!1&&De("setSeries",i,r),d&&Zn("setSeries",n,i,r)}n.setSeries=Tt;function da(i,r){Me(q[i],r)}function pa(i,r){i.fill=ee(i.fill||null),i.dir=le(i.dir,-1),r=r??q.length,q.splice(r,0,i)}function ha(i){i==null?q.length=0:q.splice(i,1)}n.addBand=pa,n.setBand=da,n.delBand=ha;function ma(i,r){S[i].alpha=r,Be&&ut[i]!=null&&(ut[i].style.opacity=r),Ee&&Se[i]&&(Se[i].style.opacity=r)}let It,Ht,en,Ln={focus:!0};function ga(i){if(i!=en){let r=i==null,u=_t.alpha!=1;S.forEach((d,h)=>{if(l==1||h>0){let m=r||h==0||h==i;d._focus=r?null:m,u&&ma(h,m?1:_t.alpha)}}),en=i,u&&Tn()}}Ee&&vn&&We(er,oe,i=>{z._lock||(Qt(i),en!=null&&Tt(null,Ln,!0,Ae.setSeries))});function At(i,r,u){let d=_[r];u&&(i=i/re-(d.ori==1?Re:he));let h=Y;d.ori==1&&(h=R,i=h-i),d.dir==-1&&(i=h-i);let m=d._min,v=d._max,x=i/h,k=m+(v-m)*x,A=d.distr;return A==3?Dn(10,k):A==4?cu(k,d.asinh):A==100?d.bwd(k):k}function ba(i,r){let u=At(i,P,r);return yt(u,e[0],Pe,Ie)}n.valToIdx=i=>yt(i,e[0]),n.posToIdx=ba,n.posToVal=At,n.valToPos=(i,r,u)=>_[r].ori==0?a(i,_[r],u?qe:Y,u?Qe:0):o(i,_[r],u?mt:R,u?ot:0),n.setCursor=(i,r,u)=>{me=i.left,ke=i.top,tn(null,r,u)};function _i(i,r){ve(Cn,In,ge.left=i),ve(Cn,es,ge.width=r)}function Ti(i,r){ve(Cn,"top",ge.top=i),ve(Cn,ts,ge.height=r)}let Kn=T.ori==0?_i:Ti,qn=T.ori==1?_i:Ti;function wa(){if(Ee&&Z.live)for(let i=l==2?1:0;i<S.length;i++){if(i==0&&rt)continue;let r=Z.values[i],u=0;for(let d in r)kt[i][u++].firstChild.nodeValue=r[d]}}function ul(i,r){if(i!=null&&(i.idxs?i.idxs.forEach((u,d)=>{ue[d]=u}):hu(i.idx)||ue.fill(i.idx),Z.idx=ue[0]),Ee&&Z.live){for(let u=0;u<S.length;u++)(u>0||l==1&&!rt)&&va(u,ue[u]);wa()}at=!1,r!==!1&&De("setLegend")}n.setLegend=ul;function va(i,r){let u=S[i],d=i==0&&K==2?gt:e[i],h;rt?h=u.values(n,i,r)??Dt:(h=u.value(n,r==null?null:d[r],i,r),h=h==null?Dt:{_:h}),Z.values[i]=h}function tn(i,r,u){ki=me,Si=ke,[me,ke]=z.move(n,me,ke),z.left=me,z.top=ke,Be&&(An&&Ct(An,Ce(me),0,Y,R),Mn&&Ct(Mn,0,Ce(ke),Y,R));let d,h=Pe>Ie;It=de,Ht=null;let m=T.ori==0?Y:R,v=T.ori==1?Y:R;if(me<0||Ne==0||h){d=z.idx=null;for(let x=0;x<S.length;x++){let k=ut[x];k!=null&&Ct(k,-10,-10,Y,R)}vn&&Tt(null,Ln,!0,i==null&&Ae.setSeries),Z.live&&(ue.fill(d),at=!0)}else{let x,k,A;l==1&&(x=T.ori==0?me:ke,k=At(x,P),d=z.idx=yt(k,e[0],Pe,Ie),A=I(e[0][d],T,m,0));let M=-10,C=-10,G=0,ie=0,se=!0,Q="",V="";for(let O=l==2?1:0;O<S.length;O++){let be=S[O],_e=ue[O],$e=_e==null?null:l==1?e[O][_e]:e[O][1][_e],ce=z.dataIdx(n,O,d,k),Te=ce==null?null:l==1?e[O][ce]:e[O][1][ce];if(at=at||Te!=$e||ce!=_e,ue[O]=ce,O>0&&be.show){let Xe=ce==null?-10:ce==d?A:I(l==1?e[0][ce]:e[O][0][ce],T,m,0),Ge=Te==null?-10:W(Te,l==1?_[be.scale]:_[be.facets[1].scale],v,0);if(vn&&Te!=null){let ct=T.ori==1?me:ke,bt=Le(_t.dist(n,O,ce,Ge,ct));if(bt<It){let Mt=_t.bias;if(Mt!=0){let et=At(ct,be.scale),ft=Te>=0?1:-1,wt=et>=0?1:-1;wt==ft&&(wt==1?Mt==1?Te>=et:Te<=et:Mt==1?Te<=et:Te>=et)&&(It=bt,Ht=O)}else It=bt,Ht=O}}if(at||yn){let ct,bt;T.ori==0?(ct=Xe,bt=Ge):(ct=Ge,bt=Xe);let Mt,et,ft,wt,Et,Ue,tt=!0,nn=Ve.bbox;if(nn!=null){tt=!1;let je=nn(n,O);ft=je.left,wt=je.top,Mt=je.width,et=je.height}else ft=ct,wt=bt,Mt=et=Ve.size(n,O);if(Ue=Ve.fill(n,O),Et=Ve.stroke(n,O),yn)O==Ht&&It<=_t.prox&&(M=ft,C=wt,G=Mt,ie=et,se=tt,Q=Ue,V=Et);else{let je=ut[O];je!=null&&(xn[O]=ft,kn[O]=wt,or(je,Mt,et,tt),ir(je,Ue,Et),Ct(je,pt(ft),pt(wt),Y,R))}}}}if(yn){let O=_t.prox,be=en==null?It<=O:It>O||Ht!=en;if(at||be){let _e=ut[0];_e!=null&&(xn[0]=M,kn[0]=C,or(_e,G,ie,se),ir(_e,Q,V),Ct(_e,pt(M),pt(C),Y,R))}}}if(ge.show&&Ft)if(i!=null){let[x,k]=Ae.scales,[A,M]=Ae.match,[C,G]=i.cursor.sync.scales,ie=i.cursor.drag;if(ze=ie._x,Oe=ie._y,ze||Oe){let{left:se,top:Q,width:V,height:O}=i.select,be=i.scales[C].ori,_e=i.posToVal,$e,ce,Te,Xe,Ge,ct=x!=null&&A(x,C),bt=k!=null&&M(k,G);ct&&ze?(be==0?($e=se,ce=V):($e=Q,ce=O),Te=_[x],Xe=I(_e($e,C),Te,m,0),Ge=I(_e($e+ce,C),Te,m,0),Kn(xt(Xe,Ge),Le(Ge-Xe))):Kn(0,m),bt&&Oe?(be==1?($e=se,ce=V):($e=Q,ce=O),Te=_[k],Xe=W(_e($e,G),Te,v,0),Ge=W(_e($e+ce,G),Te,v,0),qn(xt(Xe,Ge),Le(Ge-Xe))):qn(0,v)}else dl()}else{let x=Le(ki-yi),k=Le(Si-xi);if(T.ori==1){let G=x;x=k,k=G}ze=He.x&&x>=He.dist,Oe=He.y&&k>=He.dist;let A=He.uni;A!=null?ze&&Oe&&(ze=x>=A,Oe=k>=A,!ze&&!Oe&&(k>x?Oe=!0:ze=!0)):He.x&&He.y&&(ze||Oe)&&(ze=Oe=!0);let M,C;ze&&(T.ori==0?(M=En,C=me):(M=Rn,C=ke),Kn(xt(M,C),Le(C-M)),Oe||qn(0,v)),Oe&&(T.ori==1?(M=En,C=me):(M=Rn,C=ke),qn(xt(M,C),Le(C-M)),ze||Kn(0,m)),!ze&&!Oe&&(Kn(0,0),qn(0,0))}if(He._x=ze,He._y=Oe,i==null){if(u){if(Di!=null){let[x,k]=Ae.scales;Ae.values[0]=x!=null?At(T.ori==0?me:ke,x):null,Ae.values[1]=k!=null?At(T.ori==1?me:ke,k):null}Zn(Al,n,me,ke,Y,R,d)}if(vn){let x=u&&Ae.setSeries,k=_t.prox;en==null?It<=k&&Tt(Ht,Ln,!0,x):It>k?Tt(null,Ln,!0,x):Ht!=en&&Tt(Ht,Ln,!0,x)}}at&&(Z.idx=d,ul()),r!==!1&&De("setCursor")}let Vt=null;Object.defineProperty(n,"rect",{get(){return Vt==null&&Jn(!1),Vt}});function Jn(i=!1){i?Vt=null:(Vt=L.getBoundingClientRect(),De("syncRect",Vt))}function Ai(i,r,u,d,h,m,v){z._lock||Ft&&i!=null&&i.movementX==0&&i.movementY==0||(cl(i,r,u,d,h,m,v,!1,i!=null),i!=null?tn(null,!0,!0):tn(r,!0,!1))}function cl(i,r,u,d,h,m,v,x,k){if(Vt==null&&Jn(!1),Qt(i),i!=null)u=i.clientX-Vt.left,d=i.clientY-Vt.top;else{if(u<0||d<0){me=-10,ke=-10;return}let[A,M]=Ae.scales,C=r.cursor.sync,[G,ie]=C.values,[se,Q]=C.scales,[V,O]=Ae.match,be=r.axes[0].side%2==1,_e=T.ori==0?Y:R,$e=T.ori==1?Y:R,ce=be?m:h,Te=be?h:m,Xe=be?d:u,Ge=be?u:d;if(se!=null?u=V(A,se)?c(G,_[A],_e,0):-10:u=_e*(Xe/ce),Q!=null?d=O(M,Q)?c(ie,_[M],$e,0):-10:d=$e*(Ge/Te),T.ori==1){let ct=u;u=d,d=ct}}k&&(r==null||r.cursor.event.type==Al)&&((u<=1||u>=Y-1)&&(u=on(u,Y)),(d<=1||d>=R-1)&&(d=on(d,R))),x?(yi=u,xi=d,[En,Rn]=z.move(n,u,d)):(me=u,ke=d)}let fl={width:0,height:0,left:0,top:0};function dl(){gs(fl,!1)}let Mi,Ei,Ri,Ci;function Li(i,r,u,d,h,m,v){Ft=!0,ze=Oe=He._x=He._y=!1,cl(i,r,u,d,h,m,v,!0,!1),i!=null&&(We(Ml,Pl,Pi,!1),Zn(Qi,n,En,Rn,Y,R,null));let{left:x,top:k,width:A,height:M}=ge;Mi=x,Ei=k,Ri=A,Ci=M}function Pi(i,r,u,d,h,m,v){Ft=He._x=He._y=!1,cl(i,r,u,d,h,m,v,!1,!0);let{left:x,top:k,width:A,height:M}=ge,C=A>0||M>0,G=Mi!=x||Ei!=k||Ri!=A||Ci!=M;if(C&&G&&gs(ge),He.setScale&&C&&G){let ie=x,se=A,Q=k,V=M;if(T.ori==1&&(ie=k,se=M,Q=x,V=A),ze&&Nt(P,At(ie,P),At(ie+se,P)),Oe)for(let O in _){let be=_[O];O!=P&&be.from==null&&be.min!=de&&Nt(O,At(Q+V,O),At(Q,O))}dl()}else z.lock&&(z._lock=!z._lock,tn(r,!0,i!=null));i!=null&&(gn(Ml,Pl),Zn(Ml,n,me,ke,Y,R,null))}function ya(i,r,u,d,h,m,v){if(z._lock)return;Qt(i);let x=Ft;if(Ft){let k=!0,A=!0,M=10,C,G;T.ori==0?(C=ze,G=Oe):(C=Oe,G=ze),C&&G&&(k=me<=M||me>=Y-M,A=ke<=M||ke>=R-M),C&&k&&(me=me<En?0:Y),G&&A&&(ke=ke<Rn?0:R),tn(null,!0,!0),Ft=!1}me=-10,ke=-10,ue.fill(null),tn(null,!0,!0),x&&(Ft=x)}function Ii(i,r,u,d,h,m,v){z._lock||(Qt(i),Ks(),dl(),i!=null&&Zn(tr,n,me,ke,Y,R,null))}function zi(){N.forEach(Cc),Ys(n.width,n.height,!0)}cn(Cs,On,zi);let Pn={};Pn.mousedown=Li,Pn.mousemove=Ai,Pn.mouseup=Pi,Pn.dblclick=Ii,Pn.setSeries=(i,r,u,d)=>{let h=Ae.match[2];u=h(n,r,u),u!=-1&&Tt(u,d,!0,!1)},Be&&(We(Qi,L,Li),We(Al,L,Ai),We(Xi,L,i=>{Qt(i),Jn(!1)}),We(er,L,ya),We(tr,L,Ii),Hl.add(n),n.syncRect=Jn);let bs=n.hooks=t.hooks||{};function De(i,r,u){il?Yn.push([i,r,u]):i in bs&&bs[i].forEach(d=>{d.call(null,n,r,u)})}(t.plugins||[]).forEach(i=>{for(let r in i.hooks)bs[r]=(bs[r]||[]).concat(i.hooks[r])});let Oi=(i,r,u)=>u,Ae=Me({key:null,setSeries:!1,filters:{pub:dr,sub:dr},scales:[P,S[1]?S[1].scale:null],match:[pr,pr,Oi],values:[null,null]},z.sync);Ae.match.length==2&&Ae.match.push(Oi),z.sync=Ae;let Di=Ae.key,pl=uo(Di);function Zn(i,r,u,d,h,m,v){Ae.filters.pub(i,r,u,d,h,m,v)&&pl.pub(i,r,u,d,h,m,v)}pl.sub(n);function xa(i,r,u,d,h,m,v){Ae.filters.sub(i,r,u,d,h,m,v)&&Pn[i](null,r,u,d,h,m,v)}n.pub=xa;function ka(){pl.unsub(n),Hl.delete(n),Yt.clear(),Ol(Cs,On,zi),f.remove(),oe?.remove(),De("destroy")}n.destroy=ka;function hl(){De("init",t,e),di(e||t.data,!1),F[P]?rl(P,F[P]):Ks(),cs=ge.show&&(ge.width>0||ge.height>0),Zt=at=!0,Ys(t.width,t.height)}return S.forEach(ci),N.forEach(ea),s?s instanceof HTMLElement?(s.appendChild(f),hl()):s(n,hl):hl(),n}Fe.assign=Me;Fe.fmtNum=Yl;Fe.rangeNum=Ls;Fe.rangeLog=zs;Fe.rangeAsinh=Ul;Fe.orient=dn;Fe.pxRatio=re;Fe.join=xu;Fe.fmtDate=ql,Fe.tzDate=Pu;Fe.sync=uo;{Fe.addGap=hc,Fe.clipGaps=$s;let t=Fe.paths={points:go};t.linear=wo,t.stepped=bc,t.bars=wc,t.spline=yc}var pn=new Map,Vs=new WeakSet,ni=!1,ko=new IntersectionObserver(t=>{for(let{target:e,isIntersecting:s}of t)s?Vs.add(e):Vs.delete(e);si()});function si(){ni||![...pn.keys()].some(t=>Vs.has(t))||(ni=!0,requestAnimationFrame(()=>{ni=!1;let t=[...pn].find(([e])=>Vs.has(e));t!==void 0&&(pn.delete(t[0]),t[1]()),si()}))}var So=t=>ko.observe(t);function _o(t,e){pn.set(t,e),si()}function To(t){let e=pn.get(t);pn.delete(t),e?.()}function Ao(t){ko.unobserve(t),pn.delete(t)}var Mo=60,Lc=150,li="12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",Pc=t=>new Date(t).toISOString().slice(0,19)+"Z",Ic=t=>t.length>21?`${t.slice(0,20)}…`:t,Bs=class{constructor(e){this.frame=e;this.drawing=y("div",{class:"drawing",tabindex:0,role:"group","aria-roledescription":"chart","aria-label":`${e.title}. Arrow keys walk through the runs; the same is there as a table.`,keydown:n=>this.walk(n),blur:()=>this.moveTo(null)}),this.toggle=y("button",{type:"button","aria-pressed":"false",click:()=>this.turn()},"Table");let s=y("button",{type:"button",click:()=>this.keep(),"aria-label":`CSV of ${e.title}`},"CSV");this.element=y("section",{class:"card","data-picture":e.name,"aria-label":e.title},y("header",{},y("div",{class:"heading"},y("h2",{},e.title),y("p",{},e.question)),y("div",{class:"actions"},this.choices,this.toggle,s)),this.readout,this.drawing,this.table,this.below),this.resized=new ResizeObserver(()=>this.fit()),this.resized.observe(this.drawing),So(this.drawing)}frame;element;choices=y("div",{class:"choices"});below=y("div",{class:"below"});drawing;readout=y("div",{class:"readout"});table=y("div",{class:"table",hidden:!0});toggle;resized;shown=null;plot=null;at=null;tableRows=Mo;show(e){this.shown?.runs.length!==e.runs.length&&(this.at=null),this.shown=e,this.tell(),this.table.hidden||this.fillTable(),_o(this.drawing,()=>this.paint())}paint(){let e=this.shown;if(e===null)return;this.plot?.destroy(),this.plot=null,this.drawing.replaceChildren(),e.rows.every(n=>n.values.every(l=>l===null))?this.drawing.append(y("p",{class:"empty"},e.empty)):this.draw(e)}destroy(){this.resized.disconnect(),Ao(this.drawing),this.plot?.destroy()}get width(){return Math.max(this.drawing.clientWidth,200)}fit(){this.plot!==null&&this.drawing.clientWidth>0&&this.plot.width!==this.width&&this.plot.setSize({width:this.width,height:this.frame.height})}draw(e){let n=[e.runs.map((l,a)=>a),...e.rows.map(l=>l.drawn??l.values)];this.plot=new Fe(this.options(e),n,this.drawing)}options(e){let{at:s}=this,n=this.frame.colours(),l=new Wt(e.runs.map(c=>c.date)),a=Math.max(e.runs.length-1,0),o=e.hasEndLabels===!0&&this.width>560;return{width:this.width,height:this.frame.height,padding:[10,o?Lc:14,0,0],legend:{show:!1},cursor:{y:!1,drag:{x:!1,y:!1},points:{size:9,width:2,fill:n.panel,stroke:(c,p)=>String(c.series[p]?.stroke instanceof Function?e.rows[p-1]?.colour:n.text)},sync:{key:this.frame.sync,setSeries:!1}},scales:{x:{time:!1,range:[-.6,a+.6]},y:e.isLog?{distr:3,range:(c,p,f)=>Oc(p,f)}:{range:(c,p,f)=>Dc(p,f,e)}},axes:[{stroke:n.text,font:li,grid:{show:!1},ticks:{show:!1},gap:8,size:30,space:76,incrs:[1,2,3,7,14,28,56,91,182],values:(c,p)=>p.map(f=>e.runs[f]?l.brief(e.runs[f].date):"")},{stroke:n.text,font:li,grid:{stroke:n.grid,width:1},ticks:{show:!1},gap:6,size:56,space:44,splits:e.isLog?(c,p,f,b)=>zc(f,b):void 0,values:(c,p)=>p.map(f=>f===null?"":e.axis(f))}],series:[{},...e.rows.map(c=>$c(c,e.runs.length))],hooks:{ready:s===null?[]:[()=>this.moveTo(s)],setCursor:[c=>this.pointed(c.cursor.idx??null)],draw:o?[c=>Nc(c,e.rows)]:[],drawAxes:e.isAboutZero?[c=>Fc(c,n)]:[]}}}pointed(e){e!==this.at&&(this.at=e,this.tell())}walk(e){let s=(this.shown?.runs.length??0)-1,n=this.at??s+1,l={ArrowLeft:n-1,ArrowRight:n+1,Home:0,End:s}[e.key];e.key==="Escape"&&this.moveTo(null),!(l===void 0||this.shown===null)&&(e.preventDefault(),this.readout.setAttribute("aria-live","polite"),this.pointed(Math.min(Math.max(l,0),s)),this.plot===null?To(this.drawing):this.moveTo(this.at))}moveTo(e){this.plot!==null&&(e===null?this.plot.setCursor({left:-10,top:-10}):this.plot.setCursor({left:this.plot.valToPos(e,"x"),top:10}))}tell(){let e=this.shown;if(e===null)return;let s=e.runs.findLastIndex((f,b)=>e.rows.some(g=>(g.values[b]??null)!==null)),n=this.at??s,l=e.runs[n];if(this.readout.replaceChildren(),l===void 0)return;let a=new Wt(e.runs.map(f=>f.date)),c=e.rows.some(f=>(f.values[n]??null)!==null)?"":` (${[...new Set(l.states)].join(", ")||"nothing told"})`,p=y("span",{class:"when"},Qn(a.full(l.date)+c,this.frame.address(l),`Run of ${a.full(l.date)}`));this.readout.append(p,...e.rows.map(f=>this.value(f,e.format(f.values[n]??null))))}value(e,s){let n=e.button,l=n&&y("button",{type:"button",class:"drop","aria-label":n.label,click:n.press},"×"),a=y("i",{class:`mark ${e.as}`,"aria-hidden":"true"});return a.style.setProperty("--colour",e.colour),e.dash?.length&&a.classList.add(e.dash[0]===7?"dashed":"dotted"),y("span",{class:"value"},a,y("span",{class:"name"},e.label),y("b",{},s),l)}turn(){this.table.hidden=!this.table.hidden,this.drawing.hidden=!this.table.hidden,this.toggle.setAttribute("aria-pressed",String(!this.table.hidden)),this.toggle.textContent=this.table.hidden?"Table":"Picture",this.table.hidden?this.fit():this.fillTable()}fillTable(){let e=this.shown;if(e===null)return;let s=new Wt(e.runs.map(f=>f.date)),n=y("tbody"),l=e.runs.map((f,b)=>({run:f,at:b})).reverse();for(let{run:f,at:b}of l.slice(0,this.tableRows)){let g=e.rows.map(E=>y("td",{},e.format(E.values[b]??null))),w=y("th",{scope:"row"},Qn(s.full(f.date),this.frame.address(f)));n.append(y("tr",{},w,y("td",{class:"state"},[...new Set(f.states)].join(", ")),...g))}let a=["Run","State",...e.rows.map(f=>f.label)],o=y("thead",{},y("tr",{},...a.map(f=>y("th",{scope:"col"},f)))),c=y("button",{type:"button",class:"more",click:()=>this.moreRows()},"Show more runs"),p=l.length>this.tableRows;this.table.replaceChildren(y("table",{},y("caption",{class:"unseen"},this.frame.title),o,n),...p?[c]:[])}moreRows(){this.tableRows+=4*Mo,this.fillTable()}keep(){let e=this.shown;if(e===null)return;let s=[["run_id","date","state",...e.rows.map(n=>n.label)]];e.runs.forEach((n,l)=>{s.push([n.id,Pc(n.date),[...new Set(n.states)].join(" "),...e.rows.map(a=>a.values[l]??null)])}),ks(`voucherify_${this.frame.name}.csv`,_s(s))}};function zc(t,e){let[s,n]=[Math.ceil(Math.log10(t)-1e-9),Math.floor(Math.log10(e)+1e-9)];return Array.from({length:n-s+1},(l,a)=>10**(s+a))}function Oc(t,e){let s=10**Math.floor(Math.log10(Math.max(t,1)));return[s,Math.max(10**Math.ceil(Math.log10(Math.max(e,1))+1e-9),s*10)]}function Dc(t,e,s){if(t===null||e===null)return[0,1];if(s.isAboutZero){let a=Math.max(Math.abs(t),Math.abs(e),1)*1.08;return[t<0?Math.min(t*1.08,-a*.12):0,e>0?Math.max(e*1.08,a*.12):0]}let n=s.rows.every(a=>a.as==="line")&&t>.7*e,l=(e-t)*.12||e*.05||1;return[n?t-l:0,e+l]}function $c(t,e){let s={label:t.label,stroke:t.colour,spanGaps:t.as==="step"},n=Fe.paths.bars?.({size:[.72,26],radius:e<120?.12:0});switch(t.as){case"bar":return{...s,fill:t.colour,width:0,paths:n,points:{show:!1}};case"point":return{...s,paths:()=>null,points:{show:!0,size:e>150?4:7,fill:t.colour,width:0}};case"step":return{...s,width:1.5,dash:[5,4],points:{show:e<3,size:7,fill:t.colour}};default:return{...s,width:2,dash:t.dash?.length?t.dash:void 0,points:{show:e<3,size:7,fill:t.colour}}}}function Fc(t,e){let s=Math.round(t.valToPos(0,"y",!0));t.ctx.save(),t.ctx.fillStyle=e.muted,t.ctx.fillRect(t.bbox.left,s,t.bbox.width,Math.max(devicePixelRatio,1)),t.ctx.restore()}function Nc(t,e){let s=[];for(let p of e){let f=p.values.findLast(b=>b!==null);f!=null&&s.push({y:t.valToPos(f,"y",!0),row:p})}s.sort((p,f)=>p.y-f.y);let n=devicePixelRatio,l=16*n,a=t.bbox.top+t.bbox.height,o=t.bbox.top-l/2;s.forEach(p=>{p.y=Math.max(p.y,o),o=p.y+l});for(let p=s.length-1,f=a;p>=0;p--,f-=l){let b=s[p];b!==void 0&&(b.y=Math.min(b.y,f))}let{ctx:c}=t;c.save(),c.font=li.replace("12px",`${12*n}px`),c.textBaseline="middle",c.textAlign="left";for(let{y:p,row:f}of s)c.fillStyle=f.colour,c.fillText(Ic(f.label),t.bbox.left+t.bbox.width+6*n,p);c.restore()}var Hc={lines:["#0B66B0","#C44E00","#0A7D5B","#A23B87","#8A6400","#5A49C8","#B0243B","#44566C"],up:"#0B66B0",down:"#D8741A",muted:"#7A8494",grid:"#E9ECF1",text:"#545E6E",panel:"#FFFFFF",ways:{per_customer:"#C44E00",per_segment:"#0B66B0",export:"#0A7D5B"}},Vc={lines:["#5CB3F4","#FF9A52","#3FCF9F","#E68DCB","#E9C349","#A99BFF","#FF7F86","#A3B5CB"],up:"#5CB3F4",down:"#FFA45E",muted:"#7F8A9B",grid:"rgba(150, 170, 200, 0.16)",text:"#9DA7B6",panel:"#161A21",ways:{per_customer:"#FF9A52",per_segment:"#5CB3F4",export:"#3FCF9F"}},ii=8,Eo=[[],[],[],[],[7,4],[7,4],[2,3],[2,3]],Ro=t=>t==="dark"?Vc:Hc;function ri(t){return t==="host"?document.documentElement.classList.contains("dark")?"dark":"light":matchMedia("(prefers-color-scheme: dark)").matches?"dark":"light"}function Co(t,e){if(t==="host"){let n=new MutationObserver(e);return n.observe(document.documentElement,{attributeFilter:["class"]}),()=>n.disconnect()}let s=matchMedia("(prefers-color-scheme: dark)");return s.addEventListener("change",e),()=>s.removeEventListener("change",e)}var Wn="No run told anything yet.",Lo=t=>t===null?null:-t;function Po(t,e,s,n,l){let a=s.map(({segment:c,slot:p})=>{let f=t.segments[c]?.name??"",b={label:`Take ${f} out of the picture`,press:()=>l(c)},g=e.map(w=>ln(w,c));return{label:f,colour:n.lines[p]??n.text,values:g,as:"line",dash:Eo[p],button:b}}),o=s.length===0&&t.segments.length>0?"Choose a segment in the list.":Wn;return{runs:e,rows:a,format:we,axis:Gt,hasEndLabels:!0,empty:o}}function Io(t,e,s,n){if(!t.tellsMoves)return Bc(t,e,s,n);let l=(f,b)=>!f.numbers||!(b in f.numbers)?null:s===null?fe(f,b):s.reduce((g,{segment:w})=>g+(f[b][w]??0),0),a=e.map(f=>l(f,"entered")),o=e.map(f=>l(f,"left")),c=a.map((f,b)=>oi(e[b])?null:f),p=[{label:"Entered",colour:n.up,values:a,drawn:c,as:"bar"},{label:"Left",colour:n.down,values:o,drawn:o.map(Lo),as:"bar"}];return{runs:e,rows:p,format:we,axis:f=>Gt(Math.abs(f)),isAboutZero:!0,empty:Wn}}var oi=t=>t?.numbers?.left===0&&t.numbers.entered===t.numbers.memberships&&t.numbers.entered!==0,zo=t=>t.map(e=>oi(e)?null:fe(e,"entered"));function Oo(t){let e=t.find(oi);return e?`A history begins with everybody entering: ${we(fe(e,"entered"))} in its first run, which is not drawn.`:""}function Bc(t,e,s,n){let l=f=>s===null?fe(f,"memberships"):f.numbers&&s.reduce((b,{segment:g})=>b+(ln(f,g)??0),0),a=e.map(f=>{let b=t.toldBefore(f),g=l(f);return g===null||b===void 0?null:g-(l(b)??0)}),o=f=>a.map(b=>b!==null&&b*f>0?b:null),c=[{label:"Grew by",colour:n.up,values:o(1),as:"bar"},{label:"Shrank by",colour:n.down,values:o(-1),as:"bar"}],p=e.some(f=>f.numbers)?"It takes two runs to see a change.":Wn;return{runs:e,rows:c,format:rn,axis:Gt,isAboutZero:!0,empty:p}}var Wc={per_customer:"Asked one by one",per_segment:"Listed by segment",export:"Exported"};function Do(t,e){let s=t.map(c=>fe(c,"calls")===null?null:fe(c,"customers")||null),n=[{label:"One by one it takes",colour:e.muted,values:s,as:"step"}],l=t.map(c=>fe(c,"calls")),a=[...new Set(t.flatMap(c=>c.strategies))].sort();for(let c of a){let p=t.map((b,g)=>b.strategies[0]===c?l[g]??null:null),f=Wc[c]??c;n.push({label:f,colour:e.ways[c]??e.text,values:p,drawn:p.map(b=>b||null),as:"point"})}let o=t.map((c,p)=>c.strategies.length===0?l[p]??null:null);return o.some(c=>c!==null)&&n.push({label:"Held from before",colour:e.text,values:o,drawn:o.map(c=>c||null),as:"point"}),{runs:t,rows:n,format:we,axis:Gt,isLog:!0,empty:Wn}}function $o(t,e){let s=t.map(o=>fe(o,"duration_seconds")),n=t.map(o=>fe(o,"waited_seconds")??(fe(o,"duration_seconds")===null?null:0)),l=s.map((o,c)=>o===null?null:Math.max(o-(n[c]??0),0)),a=[{label:"Waited for the rate limit",colour:e.down,values:n,drawn:n.map((o,c)=>o===null?null:o+(l[c]??0)),as:"bar"},{label:"At work",colour:e.up,values:l,as:"bar"}];return{runs:t,rows:a,format:kl,axis:o=>o===0?"0":kl(o).replace(".0 s"," s").replace(" 0 s",""),empty:Wn}}function rs(t){let e=fe(t,"published");return e===null?null:e-(fe(t,"published_before")??0)}function Fo(t,e){let s=t.map(l=>{let a=["unknown","failed","no_voucher"].map(o=>fe(l,o));return a.every(o=>o===null)?null:a.reduce((o,c)=>o+(c??0),0)}),n=[{label:"Given",colour:e.up,values:t.map(rs),as:"bar"},{label:"Refused",colour:e.down,values:s,drawn:s.map(Lo),as:"bar"}];return{runs:t,rows:n,format:we,axis:l=>Gt(Math.abs(l)),isAboutZero:!0,empty:Wn}}var No=12,Ho=60,Gc=60,Vo={size:["Largest first",(t,e)=>e.size-t.size],change:["Changed most",(t,e)=>Math.abs(e.change??0)-Math.abs(t.change??0)],name:["By name",(t,e)=>t.name.localeCompare(e.name)]},Ws=class{constructor(e){this.frame=e;let s=y("button",{type:"button",click:()=>this.keep(),"aria-label":"CSV of the last run"},"CSV");this.element=y("section",{class:"card segments","data-picture":"last_run","aria-label":"The last run"},y("header",{},y("div",{class:"heading"},y("h2",{},"The last run"),this.when),y("div",{class:"actions"},s)),y("div",{class:"finding"},this.search,this.order),this.list,this.more,this.status)}frame;element;when=y("p");list=y("ol",{class:"bars"});status=y("p",{class:"hint",role:"status"});more=y("button",{type:"button",class:"more",click:()=>this.showMore()});search=y("input",{type:"search",placeholder:"Search segments","aria-label":"Search segments",input:()=>this.begin()});order=y("select",{"aria-label":"Order of segments",change:()=>this.begin()},...Object.entries(Vo).map(([e,[s]])=>y("option",{value:e},s)));history=null;lines=[];limit=No;show(e){this.history=e;let s=e.lastTold(),n=s&&e.toldBefore(s);this.lines=e.segments.map(({id:a,name:o},c)=>{let p=ln(s,c)??0,f=ln(n,c);return{at:c,id:a,name:o,size:p,change:f===null?null:p-f}}).filter(a=>a.size>0||(a.change??0)!==0);let l=new Wt(e.runs.map(a=>a.date));this.when.replaceChildren(...s?[Qn(l.full(s.date),this.frame.address(s)),": customers in each segment"]:["No run told anything yet"]),this.draw()}get found(){let e=this.search.value.trim().toLowerCase();return(e===""?[...this.lines]:this.lines.filter(n=>n.name.toLowerCase().includes(e))).sort((n,l)=>Vo[this.order.value][1](n,l)||l.size-n.size||(n.id<l.id?-1:1))}begin(){this.limit=No,this.draw()}showMore(){this.limit+=Ho,this.draw()}draw(){let e=this.found,s=this.lines.reduce((c,p)=>Math.max(c,p.size),1);this.list.replaceChildren(...e.slice(0,this.limit).map(c=>this.bar(c,s)));let n=e.length-this.limit;this.more.hidden=n<=0,this.more.textContent=`Show ${Math.min(n,Ho)} more`;let l=Math.min(e.length,this.limit),a=this.search.value.trim()!=="",o=`${we(l)} of ${we(e.length)}${a?` found among ${we(this.lines.length)}`:" segments"}`;this.status.textContent=e.length===0?"No segment has that in its name":o}bar(e,s){let n=this.frame.colourOf(e.at),l=this.history?.ordered().slice(-Gc)??[],a=y("i");a.style.width=`${100*e.size/s}%`;let o=e.change===null?"":`, ${rn(e.change)} since the run before`,c=y("button",{type:"button","aria-pressed":String(n!==null),"aria-label":`${e.name}: ${we(e.size)} customers${o}`,title:e.name,click:()=>this.frame.press(e.at)},y("span",{class:"dot"}),y("span",{class:"name"},y("span",{},e.name),y("span",{class:"track"},a)),xs(l.map(p=>ln(p,e.at)),64,24),y("span",{class:"size"},we(e.size)),y("span",{class:`change ${(e.change??0)>0?"up":(e.change??0)<0?"down":""}`},e.change===null?"":rn(e.change)));return n!==null&&c.style.setProperty("--colour",n),y("li",{"data-segment":e.id},c)}keep(){let e=[["segment_id","segment_name","customers","change"]];e.push(...this.found.map(s=>[s.id,s.name,s.size,s.change])),ks("voucherify_last_run.csv",_s(e))}};var Uc=60;function Bo(t){let e=t.ordered(),s=t.lastTold();if(s===void 0)return[];let n=t.toldBefore(s),l=c=>e.map(p=>fe(p,c)),a=c=>{let[p,f]=[fe(s,c),fe(n,c)];return p===null||f===null?"first run":`${rn(p-f)} since the run before`},o=[os("Customers asked about",we(fe(s,"customers")),a("customers"),l("customers")),os("Memberships",we(fe(s,"memberships")),a("memberships"),l("memberships"))];if(t.tellsMoves){let c=`+${we(fe(s,"entered"))}  −${we(fe(s,"left"))}`;o.push(os("Entered, left",c,"in the last run",zo(e)))}return o.push(os("Calls",we(fe(s,"calls")),jc(s),l("calls"))),o}function Wo(t){let e=t.ordered(),s=e.reduce((l,a)=>l+(rs(a)??0),0),n=t.lastTold();return os("Vouchers given",we(s),n?`${we(rs(n))} in the last run`:"none yet",e.map(rs))}function jc(t){let[e,s]=[fe(t,"calls")??0,fe(t,"customers")??0];if(e===0)return"held from an earlier try";if(s<=e)return"asked one by one";let n=s/e;return`${n>=2?`${Gt(Math.round(n))} times`:Ss(s-e,s)} fewer than one by one`}function os(t,e,s,n){return y("div",{class:"tile"},y("p",{class:"label"},t),y("p",{class:"number"},e),y("p",{class:"note"},s),n.filter(l=>l!==null).length>1&&xs(n.slice(-Uc),120,34))}var Yc=6,Kc=[[30,"30","Last 30 runs"],[90,"90","Last 90 runs"],[365,"365 runs","Last 365 runs"]],qc=400,Gs=class{constructor(e,s,n){this.root=e;this.source=s;this.options=n;this.most=n.runs,this.ranges=wl("Runs",Kc,this.most,l=>this.chooseRange(l)),this.colours=this.themed(),this.unwatch=Co(n.follows,()=>this.changeTheme()),this.segments=new Ws({colourOf:l=>this.colourOf(l),press:l=>this.toggle(l),address:l=>this.address(l)}),this.shown={sizes:this.picture("sizes","Sizes of segments","Customers in each chosen segment, run by run","pull"),moves:this.picture("moves","Who entered and left","Customers who came into a segment and who went out of it","pull"),calls:this.picture("calls","Calls to Voucherify","What each run took, and what asking one by one takes (each step is ten times as many)","pull"),time:this.picture("time","Duration and waits","Time at work, without deferred time","pull"),publications:this.picture("publications","Vouchers given and refused","Codes published, and customers who got none","publish")},this.shown.calls.below.append(this.month.element),this.note.textContent=n.note,this.lay()}root;source;options;tasks=[];task=null;entries=[];pulled=new Bt;published=new Bt;publishing=[];most;mapIndex=null;slots=null;scope="all";stopReading=new AbortController;drawnAt=0;timer;colours;unwatch;status=y("p",{class:"status",role:"status"});bar=y("i");note=y("p");message=y("div",{class:"message",role:"alert",hidden:!0});taskChoice=y("select",{"aria-label":"Task",change:()=>this.choose(Number(this.taskChoice.value))});mapChoice=y("select",{"aria-label":"Mapped task",hidden:!0,change:()=>this.chooseMap()});ranges;tiles=y("div",{class:"tiles"});pictures=y("div",{class:"pictures"});segments;month=new Ts;shown;async begin(){this.tell("Looking for tasks …");try{this.tasks=await this.source.tasks()}catch(n){this.fail(n);return}let e=this.offered;this.taskChoice.replaceChildren(...e.map((n,l)=>y("option",{value:l},`${n.dagId} › ${n.taskId}`))),this.taskChoice.hidden=e.length<2;let[s]=e;if(s!==void 0&&e.length===1&&(this.note.textContent=[`${s.dagId} › ${s.taskId}`,this.options.note].filter(Boolean).join(" · ")),this.ranges.hidden=e.length===0,e.length===0){this.say("Nothing to show here","No task here pulls segments or publishes vouchers: this page shows those of CustomerSegmentsOperator and PublishVouchersOperator.",!1),this.tell("");return}await this.choose(0)}destroy(){this.unwatch(),this.stopReading.abort(),clearTimeout(this.timer);for(let e of Object.values(this.shown))e.destroy()}get offered(){let e=this.tasks.filter(n=>n.kind==="pull"),s=new Set(e.map(n=>n.dagId));return[...e,...this.tasks.filter(n=>n.kind==="publish"&&!s.has(n.dagId))]}picture(e,s,n,l){let a=c=>this.address(c,e==="publications"),o=e==="sizes"?470:236;return new Bs({name:e,title:s,question:n,height:o,sync:`voucherify-${l}`,colours:()=>this.colours,address:a})}lay(){let e=f=>{this.scope=f,this.draw()},s=[["all","All segments"],["chosen","Chosen ones"]];this.shown.moves.choices.append(wl("Segments counted",s,this.scope,e));let n=y("div",{class:"title"},y("h1",{},this.options.title),this.note);this.root.append(y("header",{class:"top"},n,y("div",{class:"controls"},this.taskChoice,this.mapChoice,this.ranges)),y("div",{class:"progress","aria-hidden":"true"},this.bar),this.status,this.message,this.tiles,this.pictures),this.tiles.hidden=this.pictures.hidden=!0;let{sizes:l,moves:a,calls:o,time:c,publications:p}=this.shown;for(let f of[l,this.segments,a,o,c,p])this.pictures.append(f.element)}async choose(e){let s=this.offered[e];if(s===void 0)return;this.task=s;let n=this.tasks.filter(l=>l.kind==="publish"&&l.dagId===s.dagId);this.publishing=s.kind==="publish"?[s]:n,this.mapIndex=null,this.slots=null,await this.read()}chooseRange(e){this.most=e,this.task!==null&&this.read()}chooseMap(){this.mapIndex=this.mapChoice.value===""?null:Number(this.mapChoice.value),this.pulled=new Bt;for(let e of this.entries)this.isWanted(e)&&this.pulled.add(e);this.draw()}isWanted(e){return this.mapIndex===null||e.mapIndex===this.mapIndex}async read(){this.stopReading.abort();let e=this.stopReading=new AbortController;this.message.hidden=!0,delete this.root.dataset.read,this.entries=[],this.pulled=new Bt,this.published=new Bt;let s=0,n=0,l=(o,c)=>{e.signal.aborted||(c?(this.entries.push(o),this.isWanted(o)&&this.pulled.add(o)):this.published.add(o),o.summary!==null?s+=1:o.state==="success"&&(n+=1),this.tell(`Reading runs: ${s} of ${n}`,s/Math.max(n,1)),this.soon())},a=[...this.task?.kind==="pull"?[this.task]:[],...this.publishing];try{await Promise.all(a.map(o=>this.source.history(o,this.most,c=>l(c,o.kind==="pull"),e.signal)))}catch(o){e.signal.aborted||this.fail(o);return}e.signal.aborted||(this.draw(),this.root.dataset.read="all",this.tell(this.inWords()))}inWords(){let s=(this.task?.kind==="pull"?this.pulled:this.published).ordered(),n=s.filter(a=>a.numbers!==null).length;if(s.length===0)return"This task has not run yet.";let l=s.length-n;return`${we(n)} ${n===1?"run":"runs"} with numbers${l?`, ${we(l)} without`:""}. Dates are in UTC.`}fail(e){this.stopReading.abort(),clearTimeout(this.timer),this.timer=void 0,e instanceof Rt||console.error(e);let[s,n]=e instanceof Rt?e.words:["Something went wrong","The page could not make sense of what it read; the browser's console says more."];this.say(s,n),this.tell(""),e instanceof Rt&&(e.status===401||e.status===403)&&(this.tiles.hidden=this.pictures.hidden=!0)}say(e,s,n=!0){let l=n&&[y("button",{type:"button",click:()=>this.again()},"Try again")];this.message.replaceChildren(y("h2",{},e),y("p",{},s),...l||[]),this.message.hidden=!1}again(){this.message.hidden=!0,this.task===null?this.begin():this.read()}tell(e,s=1){this.status.textContent=e,this.bar.style.width=`${100*s}%`,this.bar.style.opacity=s<1?"1":"0"}soon(){if(this.timer!==void 0)return;let e=Math.max(qc-(performance.now()-this.drawnAt),0);this.timer=setTimeout(()=>this.draw(),e)}draw(){clearTimeout(this.timer),this.timer=void 0,this.drawnAt=performance.now(),this.offerMaps();let e=this.task?.kind==="pull",s=this.publishing.length>0,n=this.pulled.ordered();this.tiles.hidden=this.pictures.hidden=!1,this.tiles.replaceChildren(...e?Bo(this.pulled):[],...s?[Wo(this.published)]:[]);for(let l of[this.shown.sizes,this.segments,this.shown.moves,this.shown.calls,this.shown.time])l.element.hidden=!e;e&&(this.chooseLargest(),this.segments.show(this.pulled),this.shown.sizes.show(Po(this.pulled,n,this.chosen,this.colours,l=>this.toggle(l))),this.shown.moves.show(this.movesShown(n)),this.shown.moves.below.textContent=Oo(n),this.shown.calls.show(Do(n,this.colours)),this.shown.time.show($o(n,this.colours)),this.month.show(n)),this.shown.publications.element.hidden=!s,this.shown.time.element.classList.toggle("whole",!s),this.shown.publications.element.classList.toggle("whole",!e),s&&this.shown.publications.show(Fo(this.published.ordered(),this.colours))}movesShown(e){return Io(this.pulled,e,this.scope==="all"?null:this.chosen,this.colours)}offerMaps(){let e=new Map;for(let n of this.entries)n.mapIndex>=0&&e.set(n.mapIndex,n.mapLabel||String(n.mapIndex));if(this.mapChoice.hidden=e.size<2,this.mapChoice.options.length===e.size+1)return;let s=[...e].sort((n,l)=>n[0]-l[0]).map(([n,l])=>y("option",{value:n},l));this.mapChoice.replaceChildren(y("option",{value:""},`All ${e.size} mapped`),...s),this.mapChoice.value=this.mapIndex===null?"":String(this.mapIndex)}chooseLargest(){let e=this.pulled.lastTold();if(this.slots!==null||e===void 0)return;let s=this.pulled.segments.map(({id:n},l)=>({id:n,size:e.sizes[l]??0}));s.sort((n,l)=>l.size-n.size),this.slots=new Map(s.slice(0,Yc).map(({id:n},l)=>[n,l]))}get chosen(){return[...this.slots??[]].flatMap(([e,s])=>{let n=this.pulled.find(e);return n===void 0?[]:[{segment:n,slot:s}]})}slotOf(e){return this.slots?.get(this.pulled.segments[e]?.id??"")}colourOf(e){let s=this.slotOf(e);return s===void 0?null:this.colours.lines[s]??null}toggle(e){let s=this.pulled.segments[e]?.id;if(this.slots===null||s===void 0)return;let n=this.focused(),l=new Set(this.slots.values());if(!this.slots.delete(s)){let a=[...Array(ii).keys()].find(o=>!l.has(o));if(a===void 0){this.tell(`${ii} segments have a line, and more cannot be told apart: take one out first.`);return}this.slots.set(s,a)}this.draw(),this.refocus(n)}focused(){return this.root.getRootNode().activeElement?.closest("[data-segment]")?.getAttribute("data-segment")??null}refocus(e){if(e===null)return;[...this.root.querySelectorAll("[data-segment]")].find(n=>n.dataset.segment===e)?.querySelector("button")?.focus()}address(e,s=this.task?.kind==="publish"){let n=s?this.publishing[0]:this.task;return n==null?null:this.source.runAddress(n,e.id)}themed(){let e=ri(this.options.follows);return this.root.dataset.theme=e,Ro(e)}changeTheme(){ri(this.options.follows)!==this.root.dataset.theme&&(this.colours=this.themed(),this.pictures.hidden||this.draw())}};var Jc=8,Us=class{head;lines;known;constructor(e){let[s,...n]=e.trim().split(`
`);this.head=JSON.parse(s??"{}"),this.lines=n,this.known=this.head.tasks.map(l=>({dagId:l.dag_id,taskId:l.task_id,kind:l.kind}))}async tasks(){return this.known}async history(e,s,n,l){let o=`{"task":${this.known.findIndex(f=>f.dagId===e.dagId&&f.taskId===e.taskId)},`,c=new Set,p=0;for(let f of this.lines){if(!f.startsWith(o))continue;let b=JSON.parse(f);if(c.add(b.run_id),c.size>s)return;let g={runId:b.run_id,mapIndex:b.map_index,mapLabel:b.map_label,date:Date.parse(b.date)||0,state:b.state,summary:null};n(g);let w=ws(b.summary,this.head.segments);w!==null&&n({...g,summary:w}),++p%Jc===0&&await new Promise(E=>setTimeout(E)),l.throwIfAborted()}}runAddress(e,s){return this.head.url===null?null:vs(`${this.head.url.replace(/\/$/,"")}/`,e,s)}};var Go=`:host {
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
`;var Qc="Voucherify";function jo(t,e,s){let n=t.shadowRoot??t.attachShadow({mode:"open"}),l=y("div",{class:`page ${s.follows}`,role:"region","aria-label":s.title});n.replaceChildren(y("style",{},Fi+Go),l);let a=new Gs(l,e,s);return a.begin(),a}function Xc({dagId:t,taskId:e}){let s=globalThis.React,n=s.useRef(null);return s.useEffect(()=>{let l=n.current;if(l===null)return()=>{};let a={title:"Voucherify segments",note:"",follows:"host",runs:90},o=jo(l,new ys({dagId:t,taskId:e}),a);return()=>o.destroy()},[t,e]),s.createElement("div",{ref:n,style:{height:"100%",overflow:"auto"}})}var Uo=document.getElementById("voucherify-report");if(Uo===null)Object.assign(globalThis,{[Qc]:Xc});else{let t=new Us(Uo.textContent??""),{title:e,made_at:s}=t.head,n=y("div",{});document.body.append(n),jo(n,t,{title:e,note:`Made ${s}`,follows:"system",runs:365})}})();
