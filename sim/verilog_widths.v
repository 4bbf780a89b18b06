// Rules for Yosys' techmap: operands as wide as what is made of them, so that Verilog's own rules
// of extension and sign, of which lint warns, have nothing to do. The values stay what they were.
// An operand of no bits, which has no port in Verilog, is a 0.
`define EXTEND(to, from, width, sign) \
    if (width == 0) assign to = 0; \
    else if (sign) assign to = $signed(from); \
    else assign to = from;

// Modulo 2 ** Y_WIDTH the sign of an operand shows in its extension only.
(* techmap_celltype = "$add $sub $mul" *)
module sized_arithmetic(A, B, Y);
    parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
    parameter _TECHMAP_CELLTYPE_ = "";
    localparam SIGNED = A_SIGNED && B_SIGNED;
    input [(A_WIDTH ? A_WIDTH : 1)-1:0] A;
    input [(B_WIDTH ? B_WIDTH : 1)-1:0] B;
    output [Y_WIDTH-1:0] Y;
    wire _TECHMAP_FAIL_ = !SIGNED && A_WIDTH == Y_WIDTH && B_WIDTH == Y_WIDTH;
    wire [Y_WIDTH-1:0] a, b;
    generate
        `EXTEND(a, A, A_WIDTH, SIGNED)
        `EXTEND(b, B, B_WIDTH, SIGNED)
        if (_TECHMAP_CELLTYPE_ == "$add") assign Y = a + b;
        if (_TECHMAP_CELLTYPE_ == "$sub") assign Y = a - b;
        if (_TECHMAP_CELLTYPE_ == "$mul") assign Y = a * b;
    endgenerate
endmodule

(* techmap_celltype = "$eq $ne $lt $le $gt $ge" *)
module sized_comparison(A, B, Y);
    parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
    parameter _TECHMAP_CELLTYPE_ = "";
    localparam SIGNED = A_SIGNED && B_SIGNED;
    localparam WIDTH = A_WIDTH > B_WIDTH ? A_WIDTH : B_WIDTH > 0 ? B_WIDTH : 1;
    input [(A_WIDTH ? A_WIDTH : 1)-1:0] A;
    input [(B_WIDTH ? B_WIDTH : 1)-1:0] B;
    output [Y_WIDTH-1:0] Y;
    wire _TECHMAP_FAIL_ = A_WIDTH == B_WIDTH && A_WIDTH != 0;
    wire [WIDTH-1:0] a, b;
    generate
        `EXTEND(a, A, A_WIDTH, SIGNED)
        `EXTEND(b, B, B_WIDTH, SIGNED)
        if (_TECHMAP_CELLTYPE_ == "$eq") assign Y = a == b;
        if (_TECHMAP_CELLTYPE_ == "$ne") assign Y = a != b;
        if (SIGNED) begin
            if (_TECHMAP_CELLTYPE_ == "$lt") assign Y = $signed(a) < $signed(b);
            if (_TECHMAP_CELLTYPE_ == "$le") assign Y = $signed(a) <= $signed(b);
            if (_TECHMAP_CELLTYPE_ == "$gt") assign Y = $signed(a) > $signed(b);
            if (_TECHMAP_CELLTYPE_ == "$ge") assign Y = $signed(a) >= $signed(b);
        end else begin
            if (_TECHMAP_CELLTYPE_ == "$lt") assign Y = a < b;
            if (_TECHMAP_CELLTYPE_ == "$le") assign Y = a <= b;
            if (_TECHMAP_CELLTYPE_ == "$gt") assign Y = a > b;
            if (_TECHMAP_CELLTYPE_ == "$ge") assign Y = a >= b;
        end
    endgenerate
endmodule

// $shift is a part select by a number that may exceed the word: of positive ones a shift right.
(* techmap_celltype = "$shl $sshl $shr $sshr $shift" *)
module sized_shift(A, B, Y);
    parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
    parameter _TECHMAP_CELLTYPE_ = "";
    localparam LEFT = _TECHMAP_CELLTYPE_ == "$shl" || _TECHMAP_CELLTYPE_ == "$sshl";
    localparam PART = _TECHMAP_CELLTYPE_ == "$shift";
    localparam WIDTH = A_WIDTH > Y_WIDTH ? A_WIDTH : Y_WIDTH;
    input [(A_WIDTH ? A_WIDTH : 1)-1:0] A;
    input [(B_WIDTH ? B_WIDTH : 1)-1:0] B;
    output [Y_WIDTH-1:0] Y;
    wire _TECHMAP_FAIL_ = A_WIDTH == Y_WIDTH && B_WIDTH != 0 && !PART
        || PART && (A_SIGNED || B_SIGNED);
    wire [WIDTH-1:0] a, y;
    assign Y = y;
    generate
        `EXTEND(a, A, A_WIDTH, A_SIGNED)
        if (B_WIDTH == 0) assign y = a;
        else if (LEFT) assign y = a << B;
        else if (_TECHMAP_CELLTYPE_ == "$sshr" && A_SIGNED) assign y = $signed(a) >>> B;
        else assign y = a >> B;
    endgenerate
endmodule

(* techmap_celltype = "$logic_not" *)
module sized_not(A, Y);
    parameter A_SIGNED = 0, A_WIDTH = 1, Y_WIDTH = 1;
    input [(A_WIDTH ? A_WIDTH : 1)-1:0] A;
    output [Y_WIDTH-1:0] Y;
    wire _TECHMAP_FAIL_ = A_WIDTH == 1;
    generate
        if (A_WIDTH == 0) assign Y = 1;
        else assign Y = A == {A_WIDTH{1'b0}};
    endgenerate
endmodule
