import{a as e}from"./rolldown-runtime-BWaJ3C7D.js";import{C as t,S as n}from"./monaco-C_9XsAAH.js";import{C as r,S as i,a,d as o,f as s,h as c,i as l,l as u,m as ee,n as d,o as te,r as f,t as p,u as m,v as ne,y as h}from"./vendor-B3I77bBU.js";function g(e){return new Worker(`/graphiql/assets/graphql.worker-CnQW6F4w.js`,{type:`module`,name:e?.name})}globalThis.MonacoEnvironment={getWorker(e,r){return r===`json`?new n:r===`graphql`?new g:new t}};var _=e(i(),1),v=e(m(),1),re=te(),y=[{group:`Across domains`,title:`A look at everything public`,query:`# One question, five subgraphs: exchange, bookstore, shop,
# posts and accounts. No sign-in is needed: press Play.
query Overview {
  stocks(first: 3) {
    nodes { name price volume }
  }
  books(first: 3) {
    nodes { title price quantity }
  }
  products(first: 3) {
    nodes { name price available }
  }
  topPosts(first: 3) {
    nodes {
      title
      score
      community { name }
      author { username karma }
    }
  }
}
`},{group:`Across domains`,title:`Your messages and books`,as:`cleo`,query:`# One question, three subgraphs: accounts says
# who you are, messages what you were sent, and
# bookstore what you bought.
# Sign in as cleo (above), then press Play.
query AcrossSubgraphs {
  me {
    username
    karma
    inbox(first: 2) {
      nodes {
        contents
        from { username karma }
      }
    }
    bookPurchases(first: 2) {
      nodes { title price at }
    }
  }
}
`},{group:`Across domains`,title:`All nine domains in one query`,as:`ada`,query:`# One question to all nine domains: karma, money,
# shares at live prices, orders, books, shop orders,
# posts with their scores, the inbox. Each domain is
# asked at most twice, however much there is.
# Sign in as ada (above), then press Play.
query Everything {
  me {
    username
    karma
    wallet { balance committed held }
    portfolioValue
    holdings(first: 5) {
      nodes { free stock { name price } }
    }
    brokerageOrders(first: 5) {
      nodes { side quantity status stock { name } }
    }
    bookPurchases(first: 5) {
      nodes { title price }
    }
    shopOrders(first: 5) {
      nodes { quantity total product { name available } }
    }
    posts(first: 5) {
      nodes { title community { name } score myVote }
    }
    inbox(first: 5) {
      nodes { contents from { username karma } }
    }
    unreadCount
  }
}
`},{group:`Bookstore`,title:`Find and buy books`,as:`cleo`,query:`# Two operations in one tab: the Play button asks which.
# Looking is free; buying needs a sign-in.
query FindBooks($topic: String) {
  topics
  books(topic: $topic, first: 10) {
    nodes {
      id
      title
      topic
      price
      quantity
    }
  }
}

# With the same key a second click buys nothing more:
# change it to buy another copy.
mutation BuyBook($id: ID!, $key: String) {
  purchaseBook(id: $id, idempotencyKey: $key) {
    id
    price
    at
    book {
      title
      quantity
    }
    buyer {
      username
    }
  }
}
`,variables:{topic:`distributed systems`,id:`book_1`,key:`my-first-book`}},{group:`Messages`,title:`Follow new messages`,as:`cleo`,query:`# Stays open and lists each message that reaches you,
# newest first. Sign in as cleo and press Play. Then, in a
# second window, sign in as dan and run SendMessage.
subscription NewMessage {
  newMessage {
    contents
    at
    from {
      username
      karma
    }
  }
}
`},{group:`Messages`,title:`Send a message`,as:`dan`,query:`# Sign in as dan first; the variables are below.
mutation SendMessage($to: String!, $contents: String!) {
  sendMessage(to: $to, contents: $contents) {
    id
    at
    contents
    to {
      username
    }
  }
}
`,variables:{to:`cleo`,contents:`Have you read the one about distributed systems?`}},{group:`Bookstore`,title:`Follow books`,query:`# Every sale and every edit of a book. Buy one meanwhile.
subscription BookChanged {
  bookChanged {
    id
    title
    price
    quantity
  }
}
`},{group:`Across domains`,title:`Follow invalidations`,query:`# What the caches are told to forget, as it happens.
subscription CacheInvalidated($typenames: [String!]) {
  cacheInvalidated(typenames: $typenames) {
    typename
    key
    version
  }
}
`,variables:{typenames:[`Book`]}},{group:`Stock exchange`,title:`Stocks and trades`,as:`admin`,query:`# Stocks are public. To trade with the exchange itself
# is for operators: sign in as admin. With the same key a
# second click trades nothing more.
query Market($name: String) {
  stocks(first: 10) {
    nodes {
      id
      name
      price
      quantity
      volume
    }
  }
  stock(name: $name) {
    price
    open
    high
    low
    updatedAt
  }
}

mutation Trade($stock: String!, $side: Side!, $quantity: Int!, $key: String) {
  trade(stock: $stock, side: $side, quantity: $quantity, idempotencyKey: $key) {
    number
    price
    at
    stock {
      name
      quantity
    }
  }
}
`,variables:{name:`FishCo`,stock:`FishCo`,side:`BUY`,quantity:1,key:`my-first-trade`}},{group:`Stock exchange`,title:`Follow prices`,query:`# Every trade and every price, as it happens: in the
# demo one price moves each second.
subscription StockChanged($names: [String!]) {
  stockChanged(names: $names) {
    name
    price
    quantity
    volume
  }
}
`,variables:{names:null}},{group:`Stock exchange`,title:`Set a price`,as:`admin`,query:`# Sign in as admin. A price that crosses the limit of an
# automated order fires it.
mutation SetPrice($stock: String!, $price: Money!) {
  setPrice(stock: $stock, price: $price) {
    name
    price
    high
    low
  }
}
`,variables:{stock:`FishCo`,price:{amount:`19.50`,currency:`USD`}}},{group:`Brokerage`,title:`Portfolio and orders`,as:`ada`,query:`# What ada has: money, shares at the live price, and
# orders, two of which wait for their price.
# Sign in as ada first.
query Portfolio {
  me {
    portfolioValue
    wallet { balance committed held }
    holdings(first: 10) {
      nodes {
        stock { name price }
        free
        committed
        held
        marketValue
      }
    }
    brokerageOrders(first: 10) {
      nodes {
        id
        side
        status
        quantity
        stock { name price }
        price
        limitPrice
        fee
        broker { username }
      }
    }
  }
}

# An automated order waits until the stock costs its
# limit or less. Without automated and limitPrice an
# order is executed at once.
mutation PlaceOrder($stock: ID!, $limit: Money, $key: String) {
  placeOrder(
    input: {
      side: BUY
      stock: $stock
      quantity: 2
      automated: true
      limitPrice: $limit
    }
    idempotencyKey: $key
  ) {
    id
    status
    price
    limitPrice
    stock { name price quantity myHolding { free held } }
    exchangeOrder { number }
  }
}

# In a fresh demo, brokerage_order_9 is the order
# that PlaceOrder places.
mutation CancelOrder($id: ID!) {
  cancelOrder(id: $id) {
    id
    status
  }
}
`,variables:{stock:`stock_1`,limit:{amount:`5.00`,currency:`USD`},key:`my-first-order`,id:`brokerage_order_9`}},{group:`Brokerage`,title:`Follow your orders`,as:`ada`,query:`# Stays open and shows your orders as they change: sign in
# as ada, press Play, and wait for the price of
# MercuryExpress to move by one percent.
subscription OrderChanged {
  orderChanged {
    id
    side
    status
    quantity
    price
    limitPrice
    stock { name price }
  }
}
`},{group:`Brokerage`,title:`Authorize a broker`,as:`ada`,query:`# What ada lends to ben, who buys and sells for her. As ben
# you see the same from the other side.
# Sign in as ada first.
query Authorizations {
  users(role: BROKER) {
    nodes { id username brokerageFeePercent }
  }
  me {
    authorizations(active: true, first: 10) {
      nodes {
        id
        kind
        broker { username }
        stock { name }
        remaining
        remainingShares
        endsAt
      }
    }
  }
}

# Where ada lends to that broker already, this is added.
mutation GrantAuthorization($input: GrantInput!, $key: String) {
  grantAuthorization(input: $input, idempotencyKey: $key) {
    created
    authorization {
      id
      remaining
      endsAt
      investor {
        username
        wallet { balance committed }
      }
    }
  }
}

# The rest that ben has not used is ada's again.
mutation RevokeAuthorization($id: ID!) {
  revokeAuthorization(id: $id) {
    active
    endedAt
  }
}
`,variables:{input:{kind:`CAPITAL`,broker:`user_2`,amount:{amount:`100.00`,currency:`USD`},endsAt:`2099-12-31T00:00:00Z`},key:`my-first-authorization`,id:`authorization_1`}},{group:`Accounts`,title:`Change your profile`,as:`ada`,query:`# What is left out stays, null clears. All of it changes,
# or nothing. Sign in as ada first.
mutation UpdateUser($id: ID!, $input: UserPatch!) {
  updateUser(id: $id, input: $input) {
    displayName
    email
    phone
    address { text }
  }
}
`,variables:{id:`user_1`,input:{phone:`+49 30 5550108`,address:{street:`Harbour Lane`,number:`8`,zipCode:`10115`}}}},{group:`Wallet`,title:`Money and transactions`,as:`ada`,query:`# Your money: what is free, lent to brokers, and
# covering orders, and all that ever moved it.
# Sign in as ada, then press Play.
query MyMoney {
  me {
    username
    wallet {
      balance
      committed
      held
      transactions(first: 10) {
        nodes {
          type
          account
          amount
          balanceAfter
          at
        }
      }
    }
  }
}

# Taking out more than is free is refused, and with the
# same key a second click takes out nothing more.
mutation Withdraw($amount: Money!, $key: String) {
  withdraw(amount: $amount, idempotencyKey: $key) {
    id
    amount
    balanceAfter
  }
}
`,variables:{amount:{amount:`25.00`,currency:`USD`},key:`my-first-withdrawal`}},{group:`Shop`,title:`Products and orders`,as:`cleo`,query:`# Products are public, orders are their owner's. Units
# that are ordered are not available to other people.
# Sign in as cleo, then press Play.
query Shop($text: String) {
  products(text: $text, first: 10) {
    nodes {
      id
      name
      price
      available
    }
  }
  me {
    shopOrders(first: 10) {
      nodes {
        id
        product { name }
        quantity
        date
        unitPrice
        total
      }
    }
  }
}

# With the same key a second click orders nothing more.
mutation OrderProduct($product: ID!, $quantity: Int!, $date: Date!, $key: String) {
  placeShopOrder(
    input: { product: $product, quantity: $quantity, date: $date }
    idempotencyKey: $key
  ) {
    id
    total
    product { name available }
  }
}

# The product, the quantity, the date: all that is asked
# for changes, or nothing.
mutation ChangeShopOrder($order: ID!, $quantity: Int!) {
  updateShopOrder(id: $order, input: { quantity: $quantity }) {
    id
    quantity
    total
    product { name available }
  }
}

# Its units are available again.
mutation DeleteShopOrder($order: ID!) {
  deleteShopOrder(id: $order)
}
`,variables:{text:`mug`,product:`product_1`,quantity:3,date:`2026-01-31`,key:`my-first-mugs`,order:`shop_order_1`}},{group:`Shop`,title:`Follow products`,query:`# Every product as orders and operators change it. Order
# one meanwhile.
subscription ProductChanged($ids: [ID!]) {
  productChanged(ids: $ids) {
    id
    name
    price
    available
  }
}
`,variables:{ids:null}},{group:`Community`,title:`Read and write posts`,as:`cleo`,query:`# Posts are public. Making one needs a sign-in, and
# with the same key a second click makes no second one.
query RecentPosts($community: String) {
  communities(first: 10) {
    nodes { name }
  }
  recentPosts(community: $community, first: 10) {
    nodes {
      id
      title
      url
      at
      community { name }
      author { username karma }
    }
  }
}

# The first post in a community makes it.
mutation CreatePost($input: PostInput!, $key: String) {
  createPost(input: $input, idempotencyKey: $key) {
    id
    title
    community { name }
    author {
      username
      posts(first: 3) {
        nodes { title at }
      }
    }
  }
}

# Your own: cleo's first post is post_1.
mutation DeletePost($id: ID!) {
  deletePost(id: $id)
}
`,variables:{community:null,input:{title:`Hello`,text:`My first post.`,community:`Books`},key:`my-first-post`,id:`post_1`}},{group:`Community`,title:`Follow new posts`,query:`# Stays open and shows each post as it is made, here or
# in one community only. Run CreatePost meanwhile.
subscription PostCreated($community: String) {
  postCreated(community: $community) {
    title
    text
    community { name }
    author { username karma }
  }
}
`,variables:{community:null}},{group:`Community`,title:`Top posts and votes`,as:`dan`,query:`# The posts people like best come from votes, their
# titles from posts, their authors' karma from accounts.
query TopPosts($community: String) {
  topPosts(community: $community, first: 10) {
    nodes {
      title
      score
      upvotes
      downvotes
      myVote
      author { username karma }
    }
  }
}

# One vote a person: the same again changes nothing,
# the other way moves it. The author's karma follows.
mutation Upvote($post: ID!) {
  upvote(postId: $post) {
    title
    score
    myVote
    author { username karma }
  }
}

mutation Downvote($post: ID!) {
  downvote(postId: $post) {
    title
    score
    myVote
    author { username karma }
  }
}

mutation ClearVote($post: ID!) {
  clearVote(postId: $post) {
    title
    score
    myVote
  }
}
`,variables:{community:null,post:`post_4`}},{group:`Community`,title:`Follow votes`,query:`# Stays open and shows the votes on a post whenever they
# change. Vote on it in another tab meanwhile.
subscription VoteChanged($post: ID!) {
  voteChanged(postId: $post) {
    title
    score
    upvotes
    downvotes
  }
}
`,variables:{post:`post_4`}}];function b({query:e}){return/^(?:query|mutation|subscription) (\w+)/m.exec(e)[1]}function x({query:e,variables:t}){return{query:e,variables:t?JSON.stringify(t,null,2):null}}function S(e){return y.find(t=>b(t)===e)}var C=[`Overview`,`AcrossSubgraphs`,`StockChanged`].map(e=>x(S(e))),w=`agora:session`,T=3e4,E=`token refreshToken expiresAt user { username }`,D=F(),O=null,k=new Set;function A(){return D}function ie(e){return k.add(e),()=>k.delete(e)}async function ae(e,t){P(await M(`mutation SignIn($login: String!, $password: String!) { signedIn: login(login: $login, password: $password) { ${E} } }`,{login:e,password:t}))}async function oe(){let e=D;P(null),e&&await N(`mutation SignOut { logout }`,{},e.token).catch(()=>{})}async function se(){return D&&Date.parse(D.expiresAt)-Date.now()<T&&await j(),D?`Bearer ${D.token}`:void 0}function j(){return O??=(async()=>{let e=`mutation Renew($token: String!) { signedIn: refresh(token: $token) { ${E} } }`;try{P(await M(e,{token:D?.refreshToken??``}))}catch(e){e instanceof TypeError||P(null)}finally{O=null}})(),O}async function M(e,t){let{token:n,refreshToken:r,expiresAt:i,user:a}=(await N(e,t)).signedIn;return{token:n,refreshToken:r,expiresAt:i,username:a.username}}async function N(e,t,n){let r=await fetch(`/graphql`,{method:`POST`,headers:{"content-type":`application/json`,...n&&{authorization:`Bearer ${n}`}},body:JSON.stringify({query:e,variables:t})}),{data:i,errors:a}=await r.json().catch(()=>({}));if(a?.length)throw Error(a[0].message);if(!i)throw Error(`The server answered ${r.status}.`);return i}function P(e){D=e,e?sessionStorage.setItem(w,JSON.stringify(e)):sessionStorage.removeItem(w);for(let e of k)e()}function F(){try{let e=JSON.parse(sessionStorage.getItem(w));return e?.token&&e.username?e:null}catch{return null}}function I(e=location.href){let t=new URL(e).searchParams,n=S(t.get(`example`));if(n)return x(n);let r=t.get(`query`);return r?{query:r,variables:t.get(`variables`)}:void 0}function L({query:e,variables:t}){let n=new URL(`/graphiql/`,location.href);return n.searchParams.set(`query`,e),t.trim()&&n.searchParams.set(`variables`,t),n.href}function R(e){let t=e.signedIn?` \\
  -H "authorization: Bearer $AGORA_TOKEN"`:``,n=JSON.stringify(B(e)).replaceAll(`'`,`'\\''`);return`curl -s ${location.origin}/graphql \\\n  -H 'content-type: application/json'${t} \\\n  -d '${n}'`}function z(e){let t=JSON.stringify(B(e),null,2).replaceAll(`
`,`
  `),n=e.signedIn?", authorization: `Bearer ${token}`":``;return`const response = await fetch("${location.origin}/graphql", {
  method: "POST",
  headers: { "content-type": "application/json"${n} },
  body: JSON.stringify(${t}),
});
const { data, errors } = await response.json();`}function B({query:e,variables:t,operationName:n}){return{query:e,...t.trim()&&{variables:V(t)},...n&&{operationName:n}}}function V(e){try{return JSON.parse(e)}catch{return e}}var H=r(),U=`examples`,W=2500;function G({prettify:e,merge:t,copy:n,hasExamples:r}){K();let i=document.getElementById(U);return(0,H.jsxs)(H.Fragment,{children:[e,t,n,(0,H.jsx)(q,{}),i&&r&&(0,v.createPortal)((0,H.jsx)(ce,{}),i)]})}function K(){let{setTheme:e}=s(),t=o(e=>e.theme);(0,_.useEffect)(()=>{let n=matchMedia(`(prefers-color-scheme: dark)`),r=()=>t===null&&e(null);return n.addEventListener(`change`,r),()=>n.removeEventListener(`change`,r)},[t,e])}function ce(){let{addTab:e,changeTab:t}=s(),{tabs:n,queryEditor:r,variableEditor:i}=o(h(`tabs`,`queryEditor`,`variableEditor`)),a=(0,_.useRef)(null);(0,_.useEffect)(()=>{let e=e=>!a.current.contains(e.target)&&a.current.removeAttribute(`open`);return document.addEventListener(`pointerdown`,e),()=>document.removeEventListener(`pointerdown`,e)},[]);function c(o){a.current.removeAttribute(`open`);let{query:s,variables:c}=x(o),l=n.findIndex(e=>e.query===s);l>=0?t(l):(e(),r.setValue(s),i.setValue(c??``)),r.focus()}function l(e){e.key===`Escape`&&(a.current.removeAttribute(`open`),a.current.querySelector(`summary`).focus())}return(0,H.jsxs)(`details`,{ref:a,className:`examples`,onKeyDown:l,children:[(0,H.jsx)(`summary`,{children:`Examples`}),(0,H.jsx)(`div`,{className:`examples-list`,children:le().map(([e,t])=>(0,H.jsxs)(`section`,{"aria-label":e,children:[(0,H.jsx)(`h2`,{children:e}),(0,H.jsx)(`ul`,{children:t.map(e=>(0,H.jsx)(`li`,{children:(0,H.jsxs)(`button`,{type:`button`,"data-example":b(e),onClick:()=>c(e),children:[e.title,(0,H.jsx)(`small`,{children:e.as?`as ${e.as}`:`public`})]})},e.title))})]},e))})]})}function le(){let e=new Map;for(let t of y)e.set(t.group,[...e.get(t.group)??[],t]);return[...e]}var ue=[{label:`Copy a link to this operation`,sign:`link`,write:L,told:`Link copied.`},{label:`Copy as cURL`,sign:`cURL`,write:R,told:`Command copied.`},{label:`Copy as fetch`,sign:`fetch`,write:z,told:`Script copied.`}];function q(){let{queryEditor:e,variableEditor:t,operationName:n}=o(h(`queryEditor`,`variableEditor`,`operationName`)),[r,i]=(0,_.useState)(``),a=(0,_.useRef)(0);async function s({write:r,told:o}){let s={query:e.getValue(),variables:t?.getValue()??``,operationName:n,signedIn:!!A()};try{await navigator.clipboard.writeText(r(s)),i(o)}catch{i(`The browser does not let this page write to the clipboard.`)}clearTimeout(a.current),a.current=setTimeout(()=>i(``),W)}return(0,H.jsxs)(H.Fragment,{children:[ue.map(e=>(0,H.jsx)(u,{label:e.label,onClick:()=>s(e),children:(0,H.jsx)(`span`,{className:`tool-sign`,"aria-hidden":`true`,children:e.sign})},e.sign)),(0,v.createPortal)((0,H.jsx)(`p`,{className:`told`,role:`status`,children:r}),document.body)]})}function de({config:e}){let t=(0,_.useSyncExternalStore)(ie,A)?.username,[n,r]=(0,_.useState)(!1),[i,a]=(0,_.useState)(``),o=(0,_.useRef)(null);async function s(e,t){r(!0),a(``);try{await ae(e,t),o.current?.close()}catch(e){a(e.message)}finally{r(!1)}}let c=e?.demo?.people??[];return(0,H.jsxs)(`header`,{className:`bar`,children:[(0,H.jsxs)(`a`,{className:`bar-home`,href:`/`,children:[(0,H.jsx)(`img`,{src:`/graphiql/favicon.svg`,alt:``,width:`24`,height:`24`}),`Agora`]}),e&&!e.hasOnlyGraphiql&&(0,H.jsxs)(`nav`,{className:`bar-places`,"aria-label":`Pages`,children:[(0,H.jsx)(`a`,{href:`/console/`,children:`Console`}),(0,H.jsx)(`a`,{href:`/graphiql/`,"aria-current":`page`,children:`GraphiQL`}),(0,H.jsx)(`a`,{href:`/orders`,children:`Replicas`}),(0,H.jsx)(`a`,{href:`/docs`,children:`REST`}),(0,H.jsx)(`a`,{href:`/docs/errors`,children:`Errors`})]}),(0,H.jsx)(`div`,{id:U}),e&&!e.isForeign&&(0,H.jsxs)(`div`,{className:`bar-account`,"aria-busy":n,children:[i&&!o.current?.open&&(0,H.jsx)(`span`,{className:`bar-problem`,role:`alert`,children:i}),(0,H.jsx)(fe,{who:t,people:c}),c.length>0&&(0,H.jsx)(`div`,{className:`bar-people`,role:`group`,"aria-label":`People of the demo`,children:c.map(r=>(0,H.jsx)(`button`,{type:`button`,"aria-pressed":t===r,disabled:n,onClick:()=>s(r,e.demo.password),children:r},r))}),t?(0,H.jsx)(`button`,{type:`button`,className:`bar-quiet`,onClick:()=>oe(),children:`Sign out`}):(0,H.jsx)(`button`,{type:`button`,className:c.length?`bar-quiet`:`bar-loud`,onClick:()=>o.current.showModal(),children:c.length?`Other…`:`Sign in`})]}),(0,H.jsx)(pe,{ref:o,wait:n,problem:i,clear:()=>a(``),attempt:s})]})}function fe({who:e,people:t}){return e?(0,H.jsxs)(`span`,{className:`bar-label`,children:[`Signed in as `,!t.includes(e)&&(0,H.jsx)(`b`,{children:e})]}):t.length>0&&(0,H.jsx)(`span`,{className:`bar-label`,children:`Sign in as`})}function pe({ref:e,wait:t,problem:n,clear:r,attempt:i}){function a(e){e.preventDefault();let t=new FormData(e.currentTarget);i(t.get(`login`).trim(),t.get(`password`))}function o(e){e.currentTarget.querySelector(`form`).reset(),r()}return(0,H.jsx)(`dialog`,{ref:e,className:`sign-in`,"aria-labelledby":`sign-in-title`,onClose:o,children:(0,H.jsxs)(`form`,{onSubmit:a,children:[(0,H.jsx)(`h2`,{id:`sign-in-title`,children:`Sign in`}),(0,H.jsxs)(`label`,{children:[`Username or email`,(0,H.jsx)(`input`,{name:`login`,autoComplete:`username`,autoCapitalize:`none`,spellCheck:`false`,required:!0,autoFocus:!0})]}),(0,H.jsxs)(`label`,{children:[`Password`,(0,H.jsx)(`input`,{name:`password`,type:`password`,autoComplete:`current-password`,required:!0})]}),(0,H.jsx)(`p`,{className:`sign-in-problem`,role:`alert`,children:n}),(0,H.jsxs)(`div`,{className:`sign-in-buttons`,children:[(0,H.jsx)(`button`,{type:`button`,className:`bar-quiet`,onClick:e=>e.currentTarget.closest(`dialog`).close(),children:`Cancel`}),(0,H.jsx)(`button`,{type:`submit`,className:`bar-loud`,disabled:t,children:`Sign in`})]})]})})}function me(){let[e,t]=(0,_.useState)(null);return(0,_.useEffect)(()=>{fetch(`/graphiql/config.json`).then(e=>e.ok?e.json():{}).then(e=>t(e??{})).catch(()=>t({}))},[]),e}ee();var J=100;function he(e){let t=Y(),n=0,r=[],i=()=>e({listeningSince:t,received:n,...n>J&&{shown:J},events:r});return i(),e=>{n+=1,r=[{at:Y(),...e},...r].slice(0,J),i()}}function Y(){let e=new Date;return`${e.toTimeString().slice(0,8)}.${String(e.getMilliseconds()).padStart(3,`0`)}`}async function ge(e,{headers:t={}}={}){let n=_e(e),r={...e,operationName:n?.name?.value},i=await X(t);return n?.operation===`subscription`?ye(r,i):ve(r,t,i)}function _e({query:e,operationName:t}){try{let n=ne(e);return c(n,t)??c(n)??void 0}catch{return}}async function X(e){let t=Object.keys(e).some(e=>e.toLowerCase()===`authorization`)?void 0:await se();return t?{...e,Authorization:t}:e}async function ve(e,t,n){let r=await Z(e,n);r.status===401&&n!==t&&A()&&(await j(),r=await Z(e,await X(t)));let i=await r.text();try{return JSON.parse(i)}catch{throw Error(`HTTP ${r.status} ${r.statusText}: ${i.slice(0,2e3)||`(no body)`}`)}}async function Z(e,t){return fetch(`/graphql`,{method:`POST`,headers:{accept:`application/graphql-response+json, application/json;q=0.9`,"content-type":`application/json`,...t},body:JSON.stringify(e)}).catch(()=>{throw Error(Q)})}var Q=`The server at ${location.host} does not answer. Check that it runs, then try again.`;function ye(e,t){return{subscribe({next:n,error:r,complete:i}){let a=p({url:new URL(`/graphql`,location.href.replace(/^http/,`ws`)).href,connectionParams:t,retryAttempts:0}),o=e=>t=>{e(t),a.dispose()},s=a.subscribe(e,{next:he(n),error:o(e=>r(Se(e))),complete:o(i)});return{unsubscribe(){s(),a.dispose()}}}}}var be=1001,xe=1006;function Se(e){if(Array.isArray(e)||e instanceof Error)return e;let{code:t,reason:n}=e??{};return t===void 0?Error(Q):t===d.Unauthorized||t===d.Forbidden?Error(`The server does not accept this sign-in. Sign in again, then press Play.`):Error(t===be?`The server is stopping. Press Play when it runs again.`:t===xe?`The connection to the server was lost. Press Play to listen again.`:`The server closed the connection: ${n||`it gave no reason`} (code ${t}).`)}var Ce=[l,a()],$=I();$&&history.replaceState(null,``,location.pathname);function we(e){e.preventDefault(),document.querySelector(`.graphiql-query-editor textarea, .graphiql-query-editor [contenteditable]`)?.focus()}function Te(){let e=me();return(0,H.jsxs)(H.Fragment,{children:[(0,H.jsx)(`a`,{className:`skip`,href:`#page`,onClick:we,children:`Skip to the editor`}),(0,H.jsx)(de,{config:e}),(0,H.jsxs)(`main`,{children:[(0,H.jsx)(`h1`,{className:`unseen`,children:`GraphiQL`}),e&&(0,H.jsxs)(f,{fetcher:ge,plugins:Ce,defaultTabs:$?[$]:e.isForeign?void 0:C,initialQuery:$?.query,initialVariables:$?.variables??void 0,defaultEditorToolsVisibility:`variables`,children:[(0,H.jsx)(f.Toolbar,{children:t=>(0,H.jsx)(G,{...t,hasExamples:!e.isForeign})}),(0,H.jsx)(f.Logo,{children:(0,H.jsx)(H.Fragment,{})})]})]})]})}(0,re.createRoot)(document.getElementById(`page`)).render((0,H.jsx)(Te,{}));