// @{MARK}
//
// Sends the words of the file .in.hex into the layer, with pauses on both sides, and compares what
// comes back with the words of .out.hex, which the golden model gave. A word is a hex number, tlast
// above tdata. Ends with a line that begins with PASS or FAIL; FAIL is fatal.
//
// +stalls=PERCENT   cycles in which either side pauses, 0 to 99 (25)
// +seed=N           draws other pauses
// +waves            writes @{MODULE}_tb.vcd
//
//   $ @{ICARUS} && vvp @{MODULE}_tb
//   $ @{VERILATOR} && obj_dir/V@{MODULE}_tb

/* verilator lint_off DECLFILENAME */
/* verilator lint_off PROCASSINIT */
/* verilator lint_off BLKSEQ */
module @{MODULE}_tb;
  localparam WIDTH = @{WIDTH};
  // Words into the layer and out of it, @{INFERENCES}@{LOADED}.
  localparam SENT = @{SENT};
  localparam WANTED = @{WANTED};
  // Cycles without a word either way after which the layer is stuck, and in which it must be quiet
  // when all is answered.
  localparam PATIENCE = @{PATIENCE};
  localparam QUIET = 1000;

  reg [WIDTH:0] sent [0:SENT-1];
  reg [WIDTH:0] wanted [0:WANTED-1];

  reg clk = 0, rst = 1;
  always #5 clk = !clk;

  reg [WIDTH-1:0] s_axis_tdata = 0;
  reg s_axis_tvalid = 0, s_axis_tlast = 0, m_axis_tready = 0;
  wire s_axis_tready, m_axis_tvalid, m_axis_tlast, busy;
  wire [WIDTH-1:0] m_axis_tdata;

  @{MODULE} dut (
@{CONNECTIONS}
  );

  integer stalls = 25, seed = 1;
  integer resets = 0, offered = 0, given = 0, cycles = 0, working = 0, idle = 0;
  reg [31:0] draw;
  reg held = 0;
  reg [WIDTH:0] kept = 0;

  initial begin
    if (!$value$plusargs("stalls=%d", stalls)) stalls = 25;
    if (!$value$plusargs("seed=%d", seed)) seed = 1;
    if ($test$plusargs("waves")) begin
      $dumpfile("@{MODULE}_tb.vcd");
      $dumpvars(0, @{MODULE}_tb);
    end
    $readmemh("@{NAME}.in.hex", sent);
    $readmemh("@{NAME}.out.hex", wanted);
    // Never zero, from which xorshift does not move.
    draw = (seed << 1 | 1) ^ 32'h9d2c5680;
  end

  // Marsaglia's xorshift: the same pauses in every simulator.
  function [31:0] shuffled(input [31:0] x);
    begin
      shuffled = x;
      shuffled = shuffled ^ (shuffled << 13);
      shuffled = shuffled ^ (shuffled >> 17);
      shuffled = shuffled ^ (shuffled << 5);
    end
  endfunction

  function pauses(input [15:0] x);
    pauses = {16'd0, x} % 100 < stalls;
  endfunction

  wire takes = s_axis_tvalid && s_axis_tready;
  wire gives = m_axis_tvalid && m_axis_tready;
  wire [WIDTH:0] answer = {m_axis_tlast, m_axis_tdata};

  always @(posedge clk) if (rst) begin
    resets <= resets + 1;
    rst <= resets < 3;
  end else begin
    draw <= shuffled(draw);
    cycles <= cycles + 1;
    if (busy) working <= working + 1;

    // A word on offer stays until it is taken.
    if (takes || !s_axis_tvalid) begin
      s_axis_tvalid <= 0;
      if (offered < SENT && !pauses(draw[15:0])) begin
        s_axis_tvalid <= 1;
        {s_axis_tlast, s_axis_tdata} <= sent[offered];
        offered <= offered + 1;
      end
    end
    m_axis_tready <= !pauses(draw[31:16]);

    if ((^{s_axis_tready, m_axis_tvalid, busy}) === 1'bx) begin
      $display("FAIL: cycle %0d: s_axis_tready, m_axis_tvalid and busy must be 0 or 1", cycles);
      $fatal;
    end
    if (held && (!m_axis_tvalid || answer !== kept)) begin
      $display("FAIL: cycle %0d: word %0d must stay until it is taken", cycles, given);
      $fatal;
    end
    held <= m_axis_tvalid && !m_axis_tready;
    kept <= answer;

    if (gives && given == WANTED) begin
      $display("FAIL: cycle %0d: a word after the last of %0d", cycles, WANTED);
      $fatal;
    end
    if (gives && given < WANTED) begin
      if (answer !== wanted[given]) begin
        $display("FAIL: cycle %0d: word %0d must be %h with tlast %b, and is %h with tlast %b",
          cycles, given, wanted[given][WIDTH-1:0], wanted[given][WIDTH], m_axis_tdata,
          m_axis_tlast);
        $fatal;
      end
      given <= given + 1;
    end

    idle <= takes || gives ? 0 : idle + 1;
    if (given == WANTED && idle == QUIET) begin
      $display("PASS: @{INFERENCES}: %0d words in, %0d words out, %0d cycles, %0d of them busy",
        SENT, WANTED, cycles - QUIET, working);
      $finish;
    end
    if (idle == PATIENCE) begin
      $display("FAIL: cycle %0d: stuck: %0d of %0d words in, %0d of %0d out",
        cycles, offered, SENT, given, WANTED);
      $fatal;
    end
  end
endmodule
