#!/bin/sh
# The five REST systems with curl and jq: each reads something, changes something, and meets one error.
#
#   agora demo
#   AGORA_URL=http://127.0.0.1:4000 ./rest.sh
set -eu

AGORA_URL=${AGORA_URL:-http://127.0.0.1:4000}
ANSWER=$(mktemp)
HEADERS=$(mktemp)
trap 'rm -f "$ANSWER" "$HEADERS"' EXIT

# rest METHOD PATH [BODY [HEADER…]]: sends a request and prints the body of the answer. It is sent again while the server asks for
# it (429 and 503 with `Retry-After`) or does not answer, so a POST has a key that makes this safe. Another error ends the script.
rest() {
    method=$1 path=$2 body=${3-}
    shift 2
    [ $# -eq 0 ] || shift
    for header; do
        shift
        set -- "$@" --header "$header"
    done
    [ -z "$body" ] || set -- "$@" --header 'content-type: application/json' --data "$body"
    [ "$method" != POST ] || set -- "$@" --header "idempotency-key: $(uuid)"
    status=$(curl --silent --show-error --retry 3 --retry-connrefused --max-time 30 --request "$method" \
        --dump-header "$HEADERS" --output "$ANSWER" --write-out '%{http_code}' "$@" "$AGORA_URL$path")
    [ "$status" -lt 400 ] || return 1
    cat "$ANSWER"
}

# The stable code of the last error: the same for all five systems, whose bodies differ.
error_code() {
    tr -d '\r' <"$HEADERS" | awk -F ': ' 'tolower($1) == "agora-error-code" { print $2 }'
}

uuid() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

echo "== bazaar: stocks, and trades for no person"
rest GET /bazaar/stocks/BoarCo | jq -r '.data | "\(.name): \(.quantity) shares"'
number=$(rest POST /bazaar/orders '{"name":"BoarCo","quantity":1,"type":"buy"}' | jq .data.order_number)
rest GET "/bazaar/orders/$number" | jq -r '.data | "\(.type) \(.quantity) of \(.name)"'
rest POST /bazaar/orders '{"name":"Unknown","quantity":1,"type":"buy"}' || error_code

echo "== brokerage: orders of a person, with a token"
token=$(rest POST /brokerage/users/login '{"email":"ada@example.com","password":"agora-demo-2026"}' | jq -r .token)
rest POST /brokerage/orders '{"type":"PURCHASE","stockId":3,"stockAmount":2}' "authorization: Bearer $token" |
    jq -r '"\(.type) of \(.stockAmount): \(.status)"'
rest GET /brokerage/orders || error_code

echo "== bookstore: search and purchase"
rest GET /bookstore/search/distributed%20systems | jq -r '.[] | "\(.id): \(.title)"'
rest POST /bookstore/purchase/2 | jq -r .message
rest POST /bookstore/purchase/99 || error_code

echo "== community: posts, votes and messages"
post=$(rest POST /community/posts '{"title":"Hello","text":"From a script.","community":"Books","username":"cleo"}' | jq .id)
rest POST "/community/votes/$post/upvotes" | jq -r '"score \(.score)"'
rest POST /community/messages '{"userFrom":"cleo","userTo":"dan","contents":"See my post."}' | jq -r '"to \(.userTo)"'
rest POST /community/messages '{"userFrom":"cleo","userTo":"unknown","contents":"Hello?"}' || error_code

echo "== shop: users and orders"
rest POST /shop/api/orders '{"user_id":4,"product_id":1,"quantity":2,"date":"2023-11-28"}' | jq -r .response
rest GET /shop/api/userorders/4 | jq -r 'last | "\(.quantity) of product \(.product_id)"'
rest POST /shop/api/orders '{"user_id":4,"product_id":1,"quantity":9999,"date":"2023-11-28"}' || error_code
