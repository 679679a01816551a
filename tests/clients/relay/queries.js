// The operations of a Relay app; caches.mjs compiles them. Relay adds the id to every selection on a type that has one, and keeps
// objects by that id alone.

import { graphql } from "relay-runtime";

export const firsts = graphql`
  query queriesFirstsQuery {
    book(id: "book_1") {
      price
    }
    product(id: "product_1") {
      price
    }
    stock(id: "stock_1") {
      name
      price
    }
  }
`;

export const books = graphql`
  query queriesBooksQuery($first: Int!, $after: String) {
    books(first: $first, after: $after) @connection(key: "queries_books") {
      edges {
        node {
          title
        }
      }
    }
  }
`;

export const book = graphql`
  query queriesBookQuery($id: ID!) {
    book(id: $id) {
      ...queries_book
    }
  }
`;

// A fragment that can be refetched needs `interface Node` and `node(id:)`.
export const details = graphql`
  fragment queries_book on Book @refetchable(queryName: "queriesBookRefetchQuery") {
    title
    quantity
  }
`;
