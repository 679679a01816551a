import{a as e}from"./rolldown-runtime-BWaJ3C7D.js";import{C as t,S as n}from"./monaco-C_9XsAAH.js";import{_ as r,a as i,d as a,i as o,m as s,n as c,o as l,r as u,t as d,u as f,v as p}from"./vendor-rrdtlxgc.js";function m(e){return new Worker(`/graphiql/assets/graphql.worker-CnQW6F4w.js`,{type:`module`,name:e?.name})}globalThis.MonacoEnvironment={getWorker(e,r){return r===`json`?new n:r===`graphql`?new m:new t}};var h=e(r(),1),g=l(),_=`agora:session`,v=3e4,y=`token refreshToken expiresAt user { username }`,b=M(),x=null,S=new Set;function C(){return b}function w(e){return S.add(e),()=>S.delete(e)}async function T(e,t){j(await k(`mutation SignIn($login: String!, $password: String!) { signedIn: login(login: $login, password: $password) { ${y} } }`,{login:e,password:t}))}async function E(){let e=b;j(null),e&&await A(`mutation SignOut { logout }`,{},e.token).catch(()=>{})}async function D(){return b&&Date.parse(b.expiresAt)-Date.now()<v&&await O(),b?`Bearer ${b.token}`:void 0}function O(){return x??=(async()=>{let e=`mutation Renew($token: String!) { signedIn: refresh(token: $token) { ${y} } }`;try{j(await k(e,{token:b?.refreshToken??``}))}catch(e){e instanceof TypeError||j(null)}finally{x=null}})(),x}async function k(e,t){let{token:n,refreshToken:r,expiresAt:i,user:a}=(await A(e,t)).signedIn;return{token:n,refreshToken:r,expiresAt:i,username:a.username}}async function A(e,t,n){let r=await fetch(`/graphql`,{method:`POST`,headers:{"content-type":`application/json`,...n&&{authorization:`Bearer ${n}`}},body:JSON.stringify({query:e,variables:t})}),{data:i,errors:a}=await r.json().catch(()=>({}));if(a?.length)throw Error(a[0].message);if(!i)throw Error(`The server answered ${r.status}.`);return i}function j(e){b=e,e?sessionStorage.setItem(_,JSON.stringify(e)):sessionStorage.removeItem(_);for(let e of S)e()}function M(){try{let e=JSON.parse(sessionStorage.getItem(_));return e?.token&&e.username?e:null}catch{return null}}var N=p();function P({config:e}){let t=(0,h.useSyncExternalStore)(w,C)?.username,[n,r]=(0,h.useState)(!1),[i,a]=(0,h.useState)(``),o=(0,h.useRef)(null);async function s(e,t){r(!0),a(``);try{await T(e,t),o.current?.close()}catch(e){a(e.message)}finally{r(!1)}}let c=e?.demo?.people??[];return(0,N.jsxs)(`header`,{className:`bar`,children:[(0,N.jsxs)(`a`,{className:`bar-home`,href:`/`,title:`What is where on this server`,children:[(0,N.jsx)(`img`,{src:`/graphiql/favicon.svg`,alt:``,width:`22`,height:`22`}),`Agora`]}),(0,N.jsx)(`span`,{className:`bar-place`,children:`GraphiQL`}),e&&(0,N.jsxs)(`div`,{className:`bar-account`,"aria-busy":n,children:[i&&!o.current?.open&&(0,N.jsx)(`span`,{className:`bar-problem`,role:`alert`,children:i}),(0,N.jsx)(F,{who:t,people:c}),c.length>0&&(0,N.jsx)(`div`,{className:`bar-people`,role:`group`,"aria-label":`People of the demo`,children:c.map(r=>(0,N.jsx)(`button`,{type:`button`,"aria-pressed":t===r,disabled:n,onClick:()=>s(r,e.demo.password),children:r},r))}),t?(0,N.jsx)(`button`,{type:`button`,className:`bar-quiet`,onClick:()=>E(),children:`Sign out`}):(0,N.jsx)(`button`,{type:`button`,className:c.length?`bar-quiet`:`bar-loud`,onClick:()=>o.current.showModal(),children:c.length?`Other…`:`Sign in`})]}),(0,N.jsx)(I,{ref:o,wait:n,problem:i,clear:()=>a(``),attempt:s})]})}function F({who:e,people:t}){return e?(0,N.jsxs)(`span`,{className:`bar-label`,children:[`Signed in as `,!t.includes(e)&&(0,N.jsx)(`b`,{children:e})]}):t.length>0&&(0,N.jsx)(`span`,{className:`bar-label`,children:`Sign in as`})}function I({ref:e,wait:t,problem:n,clear:r,attempt:i}){function a(e){e.preventDefault();let t=new FormData(e.currentTarget);i(t.get(`login`).trim(),t.get(`password`))}function o(e){e.currentTarget.querySelector(`form`).reset(),r()}return(0,N.jsx)(`dialog`,{ref:e,className:`sign-in`,"aria-labelledby":`sign-in-title`,onClose:o,children:(0,N.jsxs)(`form`,{onSubmit:a,children:[(0,N.jsx)(`h2`,{id:`sign-in-title`,children:`Sign in`}),(0,N.jsxs)(`label`,{children:[`Username or email`,(0,N.jsx)(`input`,{name:`login`,autoComplete:`username`,autoCapitalize:`none`,spellCheck:`false`,required:!0,autoFocus:!0})]}),(0,N.jsxs)(`label`,{children:[`Password`,(0,N.jsx)(`input`,{name:`password`,type:`password`,autoComplete:`current-password`,required:!0})]}),(0,N.jsx)(`p`,{className:`sign-in-problem`,role:`alert`,children:n}),(0,N.jsxs)(`div`,{className:`sign-in-buttons`,children:[(0,N.jsx)(`button`,{type:`button`,className:`bar-quiet`,onClick:e=>e.currentTarget.closest(`dialog`).close(),children:`Cancel`}),(0,N.jsx)(`button`,{type:`submit`,className:`bar-loud`,disabled:t,children:`Sign in`})]})]})})}function L(){let[e,t]=(0,h.useState)(null);return(0,h.useEffect)(()=>{fetch(`/graphiql/config.json`).then(e=>e.ok?e.json():{}).then(e=>t(e??{})).catch(()=>t({}))},[]),e}var R=[{query:`# One question, three subgraphs: accounts says
# who you are, messages what you were sent, and
# bookstore what you bought.
# Sign in as cleo (top right), then press Play.
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
`},{query:`# One question to all nine domains: karma, money,
# shares at live prices, orders, books, shop orders,
# posts with their scores, the inbox. Each domain is
# asked at most twice, however much there is.
# Sign in as ada (top right), then press Play.
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
`},{query:`# Two operations in one tab: the Play button asks which.
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
`,variables:{topic:`distributed systems`,id:`1`,key:`my-first-book`}},{query:`# Stays open and shows each message that reaches you.
# Sign in as cleo and press Play. Then, in a second
# window, sign in as dan and run SendMessage.
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
`},{query:`# Sign in as dan first; the variables are below.
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
`,variables:{to:`cleo`,contents:`Have you read the one about distributed systems?`}},{query:`# Every sale and every edit of a book. Buy one meanwhile.
subscription BookChanged {
  bookChanged {
    id
    title
    price
    quantity
  }
}
`},{query:`# What the caches are told to forget, as it happens.
subscription CacheInvalidated($typenames: [String!]) {
  cacheInvalidated(typenames: $typenames) {
    typename
    key
    version
  }
}
`,variables:{typenames:[`Book`]}},{query:`# Stocks are public. To trade with the exchange itself
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
`,variables:{name:`FishCo`,stock:`FishCo`,side:`BUY`,quantity:1,key:`my-first-trade`}},{query:`# Every trade and every price, as it happens: in the
# demo one price moves each second.
subscription StockChanged($names: [String!]) {
  stockChanged(names: $names) {
    name
    price
    quantity
    volume
  }
}
`,variables:{names:null}},{query:`# Sign in as admin. A price that crosses the limit of an
# automated order fires it.
mutation SetPrice($stock: String!, $price: Money!) {
  setPrice(stock: $stock, price: $price) {
    name
    price
    high
    low
  }
}
`,variables:{stock:`FishCo`,price:{amount:`19.50`,currency:`USD`}}},{query:`# What ada has: money, shares at the live price, and
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

mutation CancelOrder($id: ID!) {
  cancelOrder(id: $id) {
    id
    status
  }
}
`,variables:{stock:`1`,limit:{amount:`15.50`,currency:`USD`},key:`my-first-order`,id:`1`}},{query:`# Stays open and shows your orders as they change: sign in
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
`},{query:`# What ada lends to ben, who buys and sells for her. As ben
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
`,variables:{input:{kind:`CAPITAL`,broker:`2`,amount:{amount:`100.00`,currency:`USD`},endsAt:`2099-12-31T00:00:00Z`},key:`my-first-authorization`,id:`1`}},{query:`# What is left out stays, null clears. All of it changes,
# or nothing. Sign in as ada first.
mutation UpdateUser($id: ID!, $input: UserPatch!) {
  updateUser(id: $id, input: $input) {
    displayName
    email
    phone
    address { text }
  }
}
`,variables:{id:`1`,input:{phone:`+49 30 5550108`,address:{street:`Harbour Lane`,number:`8`,zipCode:`10115`}}}},{query:`# Your money: what is free, lent to brokers, and
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
`,variables:{amount:{amount:`25.00`,currency:`USD`},key:`my-first-withdrawal`}},{query:`# Products are public, orders are their owner's. Units
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
`,variables:{text:`mug`,product:`1`,quantity:3,date:`2026-01-31`,key:`my-first-mugs`,order:`1`}},{query:`# Every product as orders and operators change it. Order
# one meanwhile.
subscription ProductChanged($ids: [ID!]) {
  productChanged(ids: $ids) {
    id
    name
    price
    available
  }
}
`,variables:{ids:null}},{query:`# Posts are public. Making one needs a sign-in, and
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

# Your own: cleo's first post has the id 1.
mutation DeletePost($id: ID!) {
  deletePost(id: $id)
}
`,variables:{community:null,input:{title:`Hello`,text:`My first post.`,community:`Books`},key:`my-first-post`,id:`1`}},{query:`# Stays open and shows each post as it is made, here or
# in one community only. Run CreatePost meanwhile.
subscription PostCreated($community: String) {
  postCreated(community: $community) {
    title
    text
    community { name }
    author { username karma }
  }
}
`,variables:{community:null}},{query:`# The posts people like best come from votes, their
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
`,variables:{community:null,post:`4`}},{query:`# Stays open and shows the votes on a post whenever they
# change. Vote on it in another tab meanwhile.
subscription VoteChanged($post: ID!) {
  voteChanged(postId: $post) {
    title
    score
    upvotes
    downvotes
  }
}
`,variables:{post:`4`}}].map(({query:e,variables:t})=>({query:e,variables:t?JSON.stringify(t,null,2):null}));f();async function z(e,{headers:t={}}={}){let n=B(e),r={...e,operationName:n?.name?.value},i=await V(t);return n?.operation===`subscription`?W(r,i):H(r,t,i)}function B({query:e,operationName:t}){try{let n=s(e);return a(n,t)??a(n)??void 0}catch{return}}async function V(e){let t=Object.keys(e).some(e=>e.toLowerCase()===`authorization`)?void 0:await D();return t?{...e,Authorization:t}:e}async function H(e,t,n){let r=await U(e,n);r.status===401&&n!==t&&C()&&(await O(),r=await U(e,await V(t)));let i=await r.text();try{return JSON.parse(i)}catch{throw Error(`HTTP ${r.status} ${r.statusText}: ${i.slice(0,2e3)||`(no body)`}`)}}function U(e,t){return fetch(`/graphql`,{method:`POST`,headers:{accept:`application/graphql-response+json, application/json;q=0.9`,"content-type":`application/json`,...t},body:JSON.stringify(e)})}function W(e,t){return{subscribe({next:n,error:r,complete:i}){let a=d({url:new URL(`/graphql`,location.href.replace(/^http/,`ws`)).href,connectionParams:t,retryAttempts:0}),o=e=>t=>{e(t),a.dispose()},s=a.subscribe(e,{next:n,error:o(e=>r(G(e))),complete:o(i)});return{unsubscribe(){s(),a.dispose()}}}}}function G(e){if(Array.isArray(e)||e instanceof Error)return e;let{code:t,reason:n}=e??{};return Error(t===void 0?`The WebSocket connection to /graphql failed.`:`The WebSocket was closed: ${n||c[t]||`no reason given`} (${t}).`)}var K=[o,i()];function q(){let e=L();return(0,N.jsxs)(N.Fragment,{children:[(0,N.jsx)(P,{config:e}),(0,N.jsx)(`main`,{children:(0,N.jsx)(u,{fetcher:z,plugins:K,defaultTabs:R,defaultEditorToolsVisibility:`variables`,children:(0,N.jsx)(u.Logo,{children:(0,N.jsx)(N.Fragment,{})})})})]})}(0,g.createRoot)(document.getElementById(`page`)).render((0,N.jsx)(q,{}));