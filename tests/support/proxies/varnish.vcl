# varnish fetches an answer whole before it passes it on, and knows no Upgrade.
vcl 4.1;
backend web {
    .host = "127.0.0.1";
    .port = "@upstream@";
    .first_byte_timeout = 1h;
    .between_bytes_timeout = 1h;
}
sub vcl_recv {
    return (pass);
}
sub vcl_backend_response {
    set beresp.do_stream = false;
}
